# make demo: from nothing to a trained model and a text written by it. make test: what CI always checks.

PREFIX ?= /usr/local
SOURCES = Package.swift Sources Tests $(wildcard Examples)
RNNC = "$$(swift build -c release --product rnnc --show-bin-path)/rnnc"

# Where a set-up without root keeps rnnc-llvm.pc; empty is a folder that SwiftPM searches by itself.
PKGCONFIG_DIR ?=
ifneq ($(PKGCONFIG_DIR),)
export PKG_CONFIG_PATH := $(PKGCONFIG_DIR):$(PKG_CONFIG_PATH)
endif

# The groups of tests beside the core, as in Sources/RNNTestSupport/TestGroup.swift: make test-long runs the core and one
# of them, make test-all everything. .ci/run takes them in turn.
TEST_GROUPS = graphs programs texts long pytorch

.PHONY: setup setup-llvm setup-numpy setup-torch build demo test test-all test-faults walks print-test-groups lint format install bench-peers
.DEFAULT_GOAL := build

setup: setup-llvm setup-numpy

setup-llvm:
	@command -v swift >/dev/null || { echo "make: there is no Swift: https://www.swift.org/install" >&2; exit 1; }
	@LLVM_CONFIG="$(LLVM_CONFIG)" PKGCONFIG_DIR="$(PKGCONFIG_DIR)" Scripts/setup

setup-numpy:
	@Scripts/setup-python numpy

setup-torch:
	@Scripts/setup-python torch "==2.13.*"

build: setup-llvm
	swift build -c release --product rnnc

# The README and the documentation are the text: real English that is already here.
demo: build
	$(RNNC) train Examples/char-gru.rnn --text README.md $(foreach page,$(sort $(wildcard docs/*.md)),--text $(page)) \
	  --epochs 160 --batch 32 --steps 35 --lr 1 --clip 1 --seed 0 --checkpoint .build/demo.safetensors
	$(RNNC) generate .build/demo.safetensors --prefix "the " --count 200 --temperature 0.7
	@echo
	@echo "What to try next:"
	@echo '  export PATH="$$PWD/.build/release:$$PATH"'
	@echo "  rnnc generate .build/demo.safetensors --prefix \"a cell \" --count 200 --temperature 0.5"
	@echo "  rnnc train Examples/deep-lstm.rnn --text LICENSE --epochs 40 --lr 1 --clip 1 --checkpoint deep.safetensors"
	@echo "  rnnc compile Examples/char-gru.rnn --emit graph   # what the compiler makes of a model"
	@echo "README.md goes on from there: texts and data of your own, every stage, the library for Swift."

test: setup lint
	swift test --parallel
	Scripts/test-dependent

$(addprefix test-,$(TEST_GROUPS)): test-%:
	$(MAKE) test RNNC_TEST_GROUPS=$*

test-all:
	$(MAKE) test RNNC_TEST_GROUPS=all

test-pytorch test-all: setup-torch

print-test-groups:
	@echo $(TEST_GROUPS)

# Faults planted in a copy of the compiler, which random programs must find.
test-faults: setup
	Scripts/plant-faults

# A function, a pass and a command, each added as the docs say to a copy of the last commit, built and used.
walks: setup
	Scripts/walks

# Other systems beside rnnc, from the Python package index.
bench-peers: build
	test -d .build/peers || python3 -m venv .build/peers
	.build/peers/bin/pip install --quiet torch jax onnxruntime onnx
	.build/peers/bin/python Benchmarks/peers.py --rnnc $(RNNC)

lint:
	swift format lint --strict --recursive $(SOURCES)

format:
	swift format --in-place --recursive $(SOURCES)

# The standard library stands beside the program, which finds it by its own path.
install: build
	install -d "$(DESTDIR)$(PREFIX)/libexec/rnnc" "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 $(RNNC) "$(DESTDIR)$(PREFIX)/libexec/rnnc/rnnc"
	cp -R "$$(swift build -c release --product rnnc --show-bin-path)"/*.resources "$(DESTDIR)$(PREFIX)/libexec/rnnc/"
	ln -sf ../libexec/rnnc/rnnc "$(DESTDIR)$(PREFIX)/bin/rnnc"
