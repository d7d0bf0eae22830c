// RNNPlan
