# A list of commands and what they need; the build itself is Meson's (meson.build, tools/build).
ARGS =
NODE = build/deps/node/bin/node

help:          ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## */\1\t/p' Makefile | expand -t 14

setup:         ## install what is missing: Debian packages, pinned files, models, Node
	@tools/setup build test

setup-build:   # all that the product needs
	@tools/setup build

setup-full:
	@tools/setup build test test-full

setup-bench:
	@tools/setup build bench

build: setup-build     ## build/zoetrope and build/zoetrope-media, optimized
	@tools/build release

debug: setup-build     ## build/debug: not optimized, for gdb
	@tools/build debug

demo: build    ## make a family portrait through the real server, from nothing: demo-out/
	@ZOETROPE_BIN=build/release/zoetrope $(NODE) tools/demo.mjs $(ARGS)

serve: build   ## run the server on 127.0.0.1:8080, data in ./data
	@build/zoetrope serve $(ARGS)

doctor: build  ## what is missing or wrong on this machine, and what to do about it
	@build/zoetrope doctor $(ARGS)

test: setup build      ## unit tests, whole-server tests, 2 minutes of fuzzing, layers
	@tools/test-runner.py --build build/release unit server fuzz:120 layers

test-full: setup-full build    ## more: PostgreSQL, MariaDB, nginx, Chromium, 10 minutes of fuzzing
	@tools/test-runner.py --build build/release full strict fuzz:600

crash: setup build     ## the crash matrix: each step of each scenario of money is a server's last; out/crash.json
	@tools/build planted
	@$(NODE) tests/crash/run.mjs $(ARGS)

test-long: setup build ## the crash matrix with pairs: the second life dies, too; "-- --minutes=N" of them, 30
	@tools/build planted
	@$(NODE) tests/crash/run.mjs --pairs $(ARGS)

asan: setup    ## the whole suite under AddressSanitizer and UBSan (clang)
	@tools/build asan
	@tools/test-runner.py --build build/asan unit server

tsan: setup build      ## unit tests and whole server under ThreadSanitizer (clang); the picture helper is that of release
	@tools/build tsan
	@tools/test-runner.py --build build/tsan unit server

fuzz: setup    ## fuzz every target; "-- 600 NAME" for longer or for one
	@tools/fuzz $(ARGS)

lint: setup build      ## clang-tidy, shellcheck, layers, sizes, words, documents
	@tools/lint.py

fmt: setup     ## clang-format the C files that differ from HEAD
	@git diff --name-only --diff-filter=d HEAD -- '*.c' '*.h' | xargs -r clang-format -i

strict: setup-full build       ## malformed HTTP, beside nginx: out/strict.json
	@tools/strict $(ARGS)

web-dist: build        ## the pages alone, for an object store or a CDN: web/dist-static; "-- https://api.example" names the API
	@$(NODE) tools/web-dist.mjs $(ARGS)

client: setup-build    ## clients/js: the types from what this program's API says, then the package's files
	@tools/client $(ARGS)

bench: setup-bench build       ## measure us beside our peers, judge by bench/budgets: out/bench.json, out/bench.html; "-- --only=REGEXP"
	@$(NODE) bench/run.mjs $(ARGS)

bench-quick: setup-bench build ## a few minutes of it, with short rounds: out/bench-quick.html
	@$(NODE) bench/run.mjs --quick $(ARGS)

soak: build    ## half an hour of mixed load with faults: what grew, and does all add up? out/soak.json, out/soak.html; "-- --minutes=N"
	@ZOETROPE_BIN=build/release/zoetrope $(NODE) bench/soak.mjs $(ARGS)

clean:         ## remove what was built; what was fetched stays in build/deps and build/share
	@rm -rf build/release build/debug build/asan build/tsan build/fuzz out demo-out

.PHONY: help setup setup-build setup-full setup-bench build debug demo serve doctor test test-full asan tsan fuzz lint fmt strict bench bench-quick soak web-dist client crash test-long clean
