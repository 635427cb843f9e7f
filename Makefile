# `make help` lists what there is to make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

MODEL ?= models/icd10-chapter
NOTES ?= examples/notes.jsonl
# Of install.
PREFIX ?= /usr/local
# Of bench-inference; each measures everything once.
ROUNDS ?= 9
# Of soak.
MINUTES ?= 60
# Of fuzz, in seconds.
TIME ?= 60

# Everything that leaves this machine is one static file. One target folder and one set of flags
# for all of it, so that candle is compiled once, whichever programs and features are asked for.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
STATIC := ./tools/static-cargo.sh
STATIC_ARGS = --release --locked --target $(HOST) --target-dir target/static
STATIC_OUT = target/static/$(HOST)/release

PROGRAMS := target/programs
ROOT := target/enclave-root
EIF := target/eif
BUILDER_ARGS := --locked --manifest-path tools/eif/Cargo.toml --target-dir target/eif-builder
ORACLES_ARGS := --locked --manifest-path tools/oracles/Cargo.toml --target-dir target/oracles

TEST_ARGS := --locked --workspace --all-features

# What the enclave of the image is started with, one argument a line; of an encrypted model see docs/model-owner.md.
EIF_ARGUMENTS ?= tools/eif/release.arguments

# In the order in which each finds what it needs.
PUBLISHED := $(addprefix sealnote-,model access encrypted-model evidence protocol verifier session transport frame-io eif client)

# cargo uses all processors by itself, and two of it would wait for each other.
.NOTPARALLEL:

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo "MODEL=FOLDER and NOTES=FILE: instead of the default model and notes, where a target takes them"
	@echo "PREFIX=/usr/local, DESTDIR=: where install puts them"
	@echo "MINUTES=60: how long soak and soak-memory last"
	@echo "TIME=3600: how many seconds fuzz lasts, all targets together"
	@echo "ROUNDS=1: a quick bench-inference, which leaves docs/benchmarks.md alone; or a quick bench-proxy"
	@echo "ROWS=bulk,idle, PROXIES=sealnote,nginx: a part of bench-proxy; which there are it says if one is none"
	@echo "BEFORE=PROGRAM: another build of sealnote-parent beside this one, in bench-proxy"

.PHONY: demo
demo: programs ## the whole flow on the example notes: attest, seal, classify, open
	./tools/demo.sh

.PHONY: demo-two-parties
demo-two-parties: programs ## an encrypted model: its owner, the notes' owner and the operator, none of whom has another's secret
	./tools/two-parties/demo.sh

.PHONY: serve
serve: programs ## a local enclave and parent that stay up; prints address, policy and root
	./tools/serve.sh

.PHONY: test
test: need-cargo ## all tests; by cargo-nextest if it is there
	./tools/published-evidence.sh
	if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run $(TEST_ARGS) --no-fail-fast && cargo test $(TEST_ARGS) --doc; \
	else \
		cargo test $(TEST_ARGS); \
	fi

# Of a release: what the compiler leaves on the stack differs.
.PHONY: test-erased
test-erased: need-cargo ## no trace of a session's decapsulation key is in memory after the handshake
	$(STATIC) test $(STATIC_ARGS) -p sealnote-protocol --test erased

.PHONY: test-second-implementation
test-second-implementation: ## PROTOCOL.md's worked example, recomputed in Python with other cryptography
	./tools/second-implementation/run.sh target/second-implementation-venv

.PHONY: test-vtpm-quote
test-vtpm-quote: need-cargo ## swtpm, another implementation of a TPM, in the place of Azure's vTPM: the verifier, and whole sessions by the enclave's attester
	./tools/vtpm-quote.sh

.PHONY: test-oracles
test-oracles: need-cargo ## the verifier beside others' verifiers: SEV-SNP, on genuine reports and on changed ones
	cargo run $(ORACLES_ARGS)
	if pkg-config --exists openssl; then \
		cargo run $(ORACLES_ARGS) --no-default-features --features openssl; \
	else \
		echo "skipped: the oracle on OpenSSL; it needs pkg-config and libssl-dev"; \
	fi

.PHONY: test-metrics
test-metrics: need-cargo ## what the parent answers to a scrape, judged by Prometheus's promtool
	cargo build --locked -p sealnote-parent
	./tools/parent/metrics.sh target/debug/sealnote-parent

.PHONY: test-units
test-units: need-cargo ## systemd's units: read and scored by systemd, their sandbox held against the programs
	./tools/need.sh systemd-analyze=systemd strace=strace
	cargo build --locked -p sealnote-parent -p sealnote-cli
	python3 tools/systemd/check.py target/debug/sealnote-parent target/debug/sealnote

# Of a release: arithmetic wraps. The sanitizer is not stable in rustc, hence RUSTC_BOOTSTRAP.
.PHONY: test-sanitized
test-sanitized: need-cargo ## the kernels, where unsafe code is, under AddressSanitizer
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_DEV_OVERFLOW_CHECKS=false \
		cargo test --locked -p sealnote-kernels --lib --target $(HOST) --target-dir target/sanitized

.PHONY: test-loom
test-loom: need-cargo ## the threads' barrier and board, in every interleaving of a few threads
	RUSTFLAGS="--cfg loom" cargo test --locked --release -p sealnote-threads --lib --target-dir target/loom

.PHONY: fuzz
fuzz: need-cargo ## what an adversary's bytes meet first, fuzzed for TIME seconds in all: docs/assurance.md
	./fuzz/run.sh $(TIME)

.PHONY: test-aarch64
test-aarch64: need-cargo ## the kernels on emulated AArch64 processors
	./tools/aarch64/test-kernels.sh

.PHONY: test-avx512
test-avx512: need-cargo eif-locked ## the kernels on an emulated processor with AVX-512 VNNI (TESTS=isa:: for a quick look)
	./tools/avx512/test-kernels.sh $(TESTS)

.PHONY: python-wheel
python-wheel: need-cargo ## the client for Python, as a wheel: target/python
	./tools/python/wheel.sh

.PHONY: test-python
test-python: programs ## the Python client, as a wheel and from its folder, against a local enclave
	./tools/python/test.sh

.PHONY: test-spark
test-spark: programs ## the Spark example on 100,000 records, by two local workers, against a local enclave
	./tools/python/spark.sh

# Cargo keeps what it unpacked and built of a package by name and version alone, and ours keep their version while they change.
.PHONY: publish-check
publish-check: need-cargo ## the crates that others may use, packaged and built as a registry would have them
	rm -rf target/publish "$${CARGO_HOME:-$$HOME/.cargo}"/registry/{src,cache}/-*/sealnote-*
	cargo publish --dry-run --locked --target-dir target/publish $(addprefix -p ,$(PUBLISHED))

.PHONY: bench
bench: need-cargo ## handshake time, notes a second in process and through the encrypted path
	cargo run --locked --release -p sealnote-bench

.PHONY: bench-verifier
bench-verifier: need-cargo ## time to verify evidence of each kind
	cargo run --locked --release -p sealnote-bench --bin verifier

.PHONY: bench-model-load
bench-model-load: need-cargo ## time and memory of loading an encrypted model, beside the plain one
	cargo run --locked --release -p sealnote-bench --bin model-load -- "$(MODEL)"

.PHONY: bench-inference
bench-inference: need-cargo ## the engine beside ONNX Runtime, candle and transformers: docs/benchmarks.md
	cargo build --locked --release -p sealnote-bench --bin inference
	./tools/bench-inference/setup.sh target/bench-venv
	target/bench-venv/bin/python tools/bench-inference/run.py target/release/inference "$(MODEL)" "$(NOTES)" target/bench-inference --rounds $(ROUNDS)
	target/bench-venv/bin/python tools/bench-inference/report.py target/bench-inference/results.json docs

# The parent as it is shipped.
PROXY_BUILD = $(STATIC) build $(STATIC_ARGS) -p sealnote-parent -p sealnote-bench-proxy
PROXY_PROGRAMS = $(addprefix $(STATIC_OUT)/,bench-proxy sealnote-parent)
PROXY_ARGS = --rounds $(ROUNDS) $(addprefix --rows ,$(ROWS)) $(addprefix --proxies ,$(PROXIES)) $(addprefix --before ,$(BEFORE))

.PHONY: bench-proxy
bench-proxy: ROUNDS = 5
bench-proxy: need-cargo ## the parent as a proxy beside socat, HAProxy and nginx: docs/parent-performance.md
	$(PROXY_BUILD)
	./tools/bench-proxy/run.sh $(PROXY_PROGRAMS) $(PROXY_ARGS) | tee target/bench-proxy.md

.PHONY: bench-proxy-vsock
bench-proxy-vsock: ROUNDS = 3
bench-proxy-vsock: need-cargo ## the same from TCP to vsock beside socat, in a QEMU guest
	$(PROXY_BUILD)
	./tools/bench-proxy/vsock.sh $(PROXY_PROGRAMS) target/bench-proxy-vsock.md --idle 1000 $(PROXY_ARGS)

.PHONY: test-interrupted
test-interrupted: programs ## a run of 200,000 records whose programs are killed 36 times: the results are those of an undisturbed one
	python3 tools/client/interrupted.py $(PROGRAMS) enclave/engine/tests/fixtures/tiny-bert-single 200000 12

.PHONY: bench-client
bench-client: programs ## records a second through the client beside the engine's, time to the first, memory of a long run
	python3 tools/client/bench.py $(PROGRAMS) enclave/engine/tests/fixtures/tiny-bert-single

.PHONY: test-scale
test-scale: programs ## a run through HAProxy over three parents, one of which is killed, and the enclave of another: nothing lost, nothing twice
	tools/need.sh haproxy=haproxy ip=iproute2
	python3 tools/scale/run.py $(PROGRAMS) enclave/engine/tests/fixtures/tiny-bert-single

.PHONY: soak
soak: programs ## the same for MINUTES, with parents, enclaves and clients killed at random: the account of records balances
	tools/need.sh haproxy=haproxy ip=iproute2
	python3 tools/scale/soak.py $(PROGRAMS) enclave/engine/tests/fixtures/tiny-bert-single "$(MINUTES)"

.PHONY: soak-memory
soak-memory: programs ## clients that never stop, for MINUTES, and the memory that enclave and parent have meanwhile
	./tools/soak-memory.sh "$(MINUTES)"

.PHONY: fmt
fmt: need-cargo ## format the code
	cargo fmt --all

.PHONY: lint
lint: need-cargo ## formatting and clippy, as CI checks them
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	cargo fmt --manifest-path client/python/Cargo.toml --check
	cargo clippy --locked --manifest-path client/python/Cargo.toml --target-dir target/python-build -- -D warnings

.PHONY: programs
programs: need-cargo ## client, parent and a development enclave (software attester): target/programs
	$(STATIC) build $(STATIC_ARGS) -p sealnote-cli -p sealnote-parent -p sealnote-enclave --features sealnote-enclave/software-attester
	install -D -t $(PROGRAMS) $(addprefix $(STATIC_OUT)/,sealnote sealnote-parent sealnote-enclave)

# The enclave has no software attester; what runs in a Nitro enclave is an image: eif, image.
.PHONY: install
install: need-cargo ## the three programs, man pages and completions of bash, zsh and fish: into DESTDIR, PREFIX
	$(STATIC) build $(STATIC_ARGS) -p sealnote-cli -p sealnote-parent -p sealnote-enclave
	install -D -t "$(DESTDIR)$(PREFIX)/bin" $(addprefix $(STATIC_OUT)/,sealnote sealnote-parent sealnote-enclave)
	rm -rf target/install && mkdir -p target/install
	$(STATIC_OUT)/sealnote man target/install
	$(STATIC_OUT)/sealnote-parent man target/install
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/man/man1" target/install/*.1
	for program in sealnote sealnote-parent; do \
		for shell in bash zsh fish; do $(STATIC_OUT)/$$program completions $$shell >target/install/$$shell; done; \
		install -D -m 644 -T target/install/bash "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program"; \
		install -D -m 644 -T target/install/zsh "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$program"; \
		install -D -m 644 -T target/install/fish "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$program.fish"; \
	done

.PHONY: enclave-root
enclave-root: need-cargo ## what the enclave image holds, without the software attester: target/enclave-root
	$(STATIC) build $(STATIC_ARGS) -p sealnote-enclave
	rm -rf $(ROOT)
	install -D -t $(ROOT) $(STATIC_OUT)/sealnote-enclave
	install -D -m 644 -t $(ROOT)/model $(or $(wildcard $(MODEL)/*.sealnote),$(addprefix $(MODEL)/,config.json tokenizer.json model.safetensors))

.PHONY: image
image: enclave-root ## the container image for nitro-cli build-enclave, and a look into it: target/image
	./tools/image/build.sh
	./tools/image/check.sh

.PHONY: eif
eif: eif-locked enclave-root ## the Nitro enclave image and its measurements: target/eif/sealnote.eif, sealnote.json
	./tools/eif/build.sh $(ROOT)/sealnote-enclave $(ROOT)/model $(EIF_ARGUMENTS) $(EIF)/sealnote.eif

.PHONY: eif-test
eif-test: eif-locked programs ## the same with the software attester, for emulators: target/eif/sealnote-test.eif
	rm -rf $(EIF)/test-model
	install -D -m 644 -t $(EIF)/test-model $(addprefix $(MODEL)/,config.json tokenizer.json model.safetensors)
	./tools/eif/build.sh $(PROGRAMS)/sealnote-enclave $(EIF)/test-model tools/eif/test.arguments $(EIF)/sealnote-test.eif

.PHONY: eif-check
eif-check: eif ## the image built once more, from scratch and elsewhere, must be the same to the byte
	MODEL="$(MODEL)" ./tools/eif/check.sh

.PHONY: eif-kernel-check
eif-kernel-check: eif-locked ## the kernel built from scratch and elsewhere must be the one in eif.lock
	SEALNOTE_EIF_CHECK_KERNEL= ./tools/eif/check.sh kernel

.PHONY: eif-measured
eif-measured: eif programs ## our reader of images must measure this one as AWS's builder did
	./tools/eif/measured.sh $(PROGRAMS)/sealnote $(EIF) "$(MODEL)"

.PHONY: test-eif-builder
test-eif-builder: need-cargo ## the image builder's own format, lints and tests
	@pkg-config --exists openssl || ./tools/need.sh pkg-config=pkg-config openssl.pc=libssl-dev
	cargo fmt --manifest-path tools/eif/Cargo.toml --check
	cargo clippy --release $(BUILDER_ARGS) --all-targets -- -D warnings
	cargo test --release $(BUILDER_ARGS)

.PHONY: eif-lock
eif-lock: need-cargo ## accept this machine's compilers and kernel source for the image: eif.lock
	./tools/eif/lock.sh --write

.PHONY: eif-locked
eif-locked: need-cargo
	./tools/eif/lock.sh

.PHONY: test-vsock
test-vsock: programs ## the three programs over real AF_VSOCK, in a QEMU guest
	streams="$$($(STATIC) test --no-run $(STATIC_ARGS) -p sealnote-transport --test streams --message-format=json | \
		sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')" && install -T "$$streams" $(PROGRAMS)/streams
	./tools/vsock-guest/run.sh $(PROGRAMS) $(MODEL) $(NOTES)

.PHONY: test-nitro
test-nitro: eif eif-test programs ## the genuine image in QEMU's Nitro machine, beside a parent instance
	$(STATIC) build $(STATIC_ARGS) -p sealnote-tests --bin nitro-probe
	install -t $(PROGRAMS) $(STATIC_OUT)/nitro-probe
	./tools/nitro-guest/run.sh $(PROGRAMS) $(EIF) $(MODEL) $(NOTES)

.PHONY: test-memory
test-memory: need-cargo eif-locked ## what the enclave's kernel takes for connections that nobody reads, in two QEMU guests
	$(STATIC) build $(STATIC_ARGS) -p sealnote-tests --bin vsock-flood
	./tools/nitro-guest/memory.sh $(STATIC_OUT)/vsock-flood

.PHONY: model-train
model-train: ## train the default model anew (about 20 minutes), in place
	./models/training/setup.sh target/training-venv
	target/training-venv/bin/python models/training/train.py --out $(MODEL)

.PHONY: model-eval
model-eval: need-cargo ## the default model's figures on the held-out categories, in each precision
	./models/training/setup.sh target/training-venv
	target/training-venv/bin/python models/training/evaluate.py $(MODEL) --texts-out target/held-out.jsonl
	cargo run --locked --release -p sealnote-bench --bin inference -- $(MODEL) --compare target/held-out.jsonl

.PHONY: ci
ci: ## what CI does
	./.ci/run

.PHONY: clean
clean: ## remove target/ (kernel and QEMU stay in ~/.cache/sealnote)
	rm -rf target

.PHONY: need-cargo
need-cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust $$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or later with rustup, as rust-lang.org describes" >&2; exit 1; }
