# What everybody types. Thin over the CMake presets; `make help` lists it.
SHELL := /bin/bash
PREFIX ?= /usr/local
FOLDERS ?=
SEED ?=
DURATION ?= 60
ROWS ?=
ROUNDS ?= 10
QUICK ?=

# Each goal names the packages it needs; scripts/need installs those that are missing.
BUILD := g++ cmake ninja-build
DEMO := $(BUILD) libboost-dev libcli11-dev libfmt-dev
BENCH := $(DEMO) nlohmann-json3-dev libnsync-dev libabsl-dev python3-matplotlib
FUZZ := $(BUILD) clang-14 libclang-rt-14-dev
TESTS := $(BENCH) libgtest-dev libgmock-dev pkg-config spin valgrind python3 $(FUZZ)

.DEFAULT_GOAL := help
.PHONY: help demo test bench crash storm histories fuzz endings sanitize mutants lint docs install clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: ## count words in shared memory while a saboteur kills the workers (FOLDERS="a b" counts others)
	@scripts/need $(DEMO)
	@scripts/build demo carom_wordcount
	@build/demo/demo/carom-wordcount $(FOLDERS)

test: ## run every test
	@scripts/need $(TESTS)
	@scripts/build dev
	@ctest --preset dev

bench: ## compare with the peers; the page is build/bench/report.html (ROWS=handoff,barrier, QUICK=1)
	@scripts/need $(BENCH)
	@scripts/build bench carom_bench
	@build/bench/bench/carom-bench $(if $(ROWS),--rows $(ROWS)) $(if $(QUICK),--quick) --out build/bench/report.txt \
		--json build/bench/report.json --summary build/bench/report.md
	@bench/plot.py build/bench/report.json build/bench/report.html
	@echo "The report: build/bench/report.txt, report.json, report.md and report.html"

crash: ## kill every operation at every instruction; the ledger goes to build/crash-ledger.tsv
	@scripts/need $(TESTS)
	@scripts/build dev carom_crash
	@build/dev/tests/crash/carom-crash --ledger build/crash-ledger.tsv

storm: ## kill at random for DURATION seconds (SEED=n repeats one)
	@scripts/need $(TESTS)
	@scripts/build dev carom_storm
	@build/dev/tests/stress/carom-storm --seconds $(DURATION) $(if $(SEED),--seed $(SEED))

histories: ## random calls and deaths, for DURATION seconds, judged by a sequential object (SEED=n repeats one)
	@scripts/need $(TESTS)
	@scripts/build dev carom_histories
	@build/dev/tests/histories/carom-histories --seconds $(DURATION) $(if $(SEED),--seed $(SEED))

endings: ## end in every way, in every place; the ledger goes to build/endings.tsv (ROUNDS=n, SEED=n repeats one)
	@scripts/need $(TESTS)
	@scripts/build dev carom_endings
	@build/dev/tests/endings/carom-endings --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED)) --ledger build/endings.tsv

fuzz: DURATION = 8
fuzz: ## spoil shared memory, DURATION seconds for each target, and see that nothing worse comes of it than an outcome
	@scripts/need $(FUZZ)
	@tests/fuzz/fuzz.sh $(DURATION)

sanitize: ## the tests under AddressSanitizer, UBSan and ThreadSanitizer
	@scripts/need $(TESTS)
	@scripts/build asan
	@ctest --preset asan
	@scripts/build tsan
	@ctest --preset tsan

mutants: ## break the core in one place at a time and see which tests notice (ONLY=word, MINUTES=n)
	@scripts/need $(TESTS) python3
	@python3 tests/mutation/mutants.py $(if $(ONLY),--only "$(ONLY)") $(if $(MINUTES),--minutes $(MINUTES))

lint: ## formatting and clang-tidy
	@scripts/need $(BUILD) clang-format clang-tidy
	@scripts/lint

docs: ## the reference, in build/docs/html
	@scripts/need doxygen
	@mkdir -p build/docs
	@doxygen docs/Doxyfile
	@echo "Open build/docs/html/index.html"

install: ## the library, for find_package(carom) and pkg-config (PREFIX=/usr/local, DESTDIR=)
	@scripts/need $(BUILD)
	@mkdir -p build && cmake --preset install -DCMAKE_INSTALL_PREFIX=$(PREFIX) >build/install.log 2>&1 || { cat build/install.log; exit 1; }
	@cmake --build --preset install
	@DESTDIR=$(DESTDIR) cmake --install build/install

clean: ## forget every build
	@rm -rf build
