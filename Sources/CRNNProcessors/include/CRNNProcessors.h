// Where threads run. Swift sees only what the C library declares without _GNU_SOURCE, so this is C.

#ifndef CRNN_PROCESSORS_H
#define CRNN_PROCESSORS_H

/// The number of the processor that runs this thread, or -1 where the system does not say.
int rnnc_processor(void);

/// Moves this thread to a processor that is none of these, if it may use another one.
///
/// Afterwards the thread may run where it could before: it is moved, not bound.
void rnnc_leave_processors(const int *taken, int count);

#endif
