# `make` lists the targets. Costs were measured on 2 cores without a GPU.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup test test-slow lint bench reproduce-quick reproduce-mnist report data clean
.PHONY: reproduce-cifar reproduce-imagenet gpu-smoke train-cifar check-paper check-published spot-check claims
.PHONY: reproduce-geometry reproduce-ntk reproduce-frontier frontier-screening reproduce-relatives

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PREPARE := ../shared/data/prepare.py
# QUICK=1 runs smaller experiments of other names: committed summaries stay as they are.
SUFFIX := $(if $(QUICK),_quick)
TIMED := mnist_lenet300100 mnist_lenet5 mnist_smyrnis mnist_smyrnis_fashion
PUBLISHED := $(addprefix mnist_published_,lenet300100 lenet5 mlp fashion)
MNIST := $(TIMED) $(PUBLISHED) mnist_finetune
# The longest first: two run at a time.
GEOMETRY := $(addprefix geometry_,cup options bounds widths binary rescaling rules)
# The longest first: two run at a time.
CIFAR := cifar10_resnet56 cifar10_vgg cifar10_resnet20 cifar10_alexnet cifar10_resnet20_trained
CIFAR += cifar100_vgg
# The costliest first. QUICK=1 likewise.
NTK := $(addprefix ntk_,mnist cifar spectrum subsets logistic)
# The costliest first. QUICK=1 likewise.
RELATIVES := $(addprefix relatives_,resnet20 vgg lenet5 claims lenet300100)
CODED := coded_mnist coded_cifar10
REVERSED := coded_cifar10 coded_mnist
# The longest first: two run at a time. Those of the whole data set, the cheapest first.
IMAGENET_SUBSET := $(addprefix imagenet_subset_,lite0 squeezenet)
IMAGENET := $(addprefix paper_imagenet_,resnet linear_conv thinet_vgg16 thinet_resnet50 cup)
# The longest first: two run at a time. The last line has no quick variant.
FRONTIER := $(addprefix frontier_,resnet56 finetune data attribution resnet20_trained seconds lite0 mnist vgg)
FRONTIER += $(addprefix frontier_,screening squeezenet)
FRONTIER += $(if $(QUICK),,$(addprefix frontier_,resnet20 vgg100 alexnet mnist_published))
# Of spot-check (MINUTES: stop after so long) and check-paper.
N := 10
SEED := 0
MINUTES := 8
SEEDS := 3
LIMIT := 20

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv with the tested versions (1 min, once)

$(READY): pyproject.toml constraints.txt
	@for python in python3 python3.13 python3.12 python3.11; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	  python=; \
	done; \
	[ -n "$$python" ] || { echo "setup: no Python 3.11 or newer on the path" >&2; exit 1; }; \
	quiet="-qq --progress-bar off"; [ -t 1 ] && quiet=; \
	echo "setup: $$($$python --version) in $(VENV)"; \
	$$python -m venv $(VENV) && \
	$(BIN)/python -m pip install $$quiet --disable-pip-version-check -c constraints.txt -e '.[bench,dev,oracle,scale]'
	@touch $@

# Two workers, one thread each: as many as the cores it was timed on.
test: $(READY) ## run the fast tests (5 min)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs -n 2 --dist loadfile

test-slow: $(READY) ## run the slow tests (29 min beside two trainings)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -n 2 --timeout 900

lint: $(READY) ## check format, style and types (12 s)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

# The configured options skip benchmarks, so they are replaced.
bench: $(READY) ## ratios side by side: clustering, harness, fits, formats, codecs (19 min)
	$(BIN)/python -m pytest -o addopts= -q --benchmark-only --timeout 0 tests/bench

reproduce-quick: $(READY) ## train, compress, print the quick table and its figure (4 min)
	$(BIN)/python run.py experiment=quick
	$(BIN)/python -m experiments.report quick --paths

# Every experiment goes on where it stopped; one whose weights are not at hand is skipped.
reproduce-mnist: $(READY) ## MNIST and Fashion-MNIST in full, three networks (3 h; QUICK=1: 10 min)
	@for experiment in $(MNIST:%=%$(SUFFIX)) $(if $(QUICK),,claims_options); do \
	  $(BIN)/python run.py experiment=$$experiment || exit; \
	done
	$(BIN)/python -m experiments.latency $(TIMED:%=%$(SUFFIX))
	$(BIN)/python -m experiments.report --paths
	$(if $(QUICK),,$(BIN)/python -m experiments.claims)

# Two processes, as many as the cores it was timed on; results do not depend on it.
reproduce-geometry: $(READY) ## zonotopes, bounds, rules and widths on MNIST (45 min; QUICK=1: 2 min)
	@printf '%s\n' $(GEOMETRY:%=%$(SUFFIX)) | \
	  OMP_NUM_THREADS=1 xargs -P 2 -I NAME $(BIN)/python run.py experiment=NAME
	$(BIN)/python -m experiments.report $(GEOMETRY:%=%$(SUFFIX)) --paths
	$(BIN)/python -m experiments.geometry --suffix "$(SUFFIX)"

# Two processes. Networks that are not to be had are named, the rest runs; FINETUNE=1 runs nothing
# but the fine-tuning of one network.
reproduce-cifar: $(READY) ## CIFAR-10 and CIFAR-100, six networks (1 h 30; QUICK=1: 8 min; FINETUNE=1: 3 h)
	@printf '%s\n' $(if $(FINETUNE),cifar10_vgg_finetune$(SUFFIX),$(CIFAR:%=%$(SUFFIX))) | \
	  OMP_NUM_THREADS=1 xargs -P 2 -I NAME $(BIN)/python run.py experiment=NAME
	$(if $(FINETUNE),,$(BIN)/python -m experiments.latency --complete $(CIFAR:%=%$(SUFFIX)))
	$(BIN)/python -m experiments.report --paths
	$(if $(QUICK),,$(BIN)/python -m experiments.claims)

# Two processes share the cells of every experiment; those of data that are not to be had are named.
reproduce-ntk: $(READY) ## NTK-LC: kernels, accuracy over storage, verdicts (51 min; QUICK=1: 1 min)
	@printf '%s\n' 1 2 | OMP_NUM_THREADS=1 xargs -P 2 -I PROCESS \
	  $(BIN)/python -m experiments.ntk run $(NTK:%=%$(SUFFIX))
	$(BIN)/python -m experiments.ntk report --suffix "$(SUFFIX)" --paths

# Two processes share the cells of every experiment; networks that are not to be had are named. The
# fits of images begin with another data set each: a fit is one process's and the first of its cells.
reproduce-relatives: $(READY) ## formats, bits, codecs: accuracy over bytes on disk, claims (2 h 52, in pieces; QUICK=1: 5 min)
	@printf '%s\n' 1 2 | OMP_NUM_THREADS=1 xargs -P 2 -I PROCESS \
	  $(BIN)/python -m experiments.relatives run $(RELATIVES:%=%$(SUFFIX))
	@printf '%s\n' 1 2 | OMP_NUM_THREADS=1 xargs -P 2 -I PROCESS \
	  $(BIN)/python run.py experiment=relatives_coresets$(SUFFIX)
	OMP_NUM_THREADS=1 $(BIN)/torchrun --nproc_per_node 2 run.py experiment=relatives_communication$(SUFFIX)
	$(if $(QUICK),,$(BIN)/python -m experiments.relatives supports)
	@printf '%s\n' "$(CODED:%=%$(SUFFIX))" "$(REVERSED:%=%$(SUFFIX))" | OMP_NUM_THREADS=1 xargs -P 2 -L 1 \
	  $(BIN)/python -m experiments.coded_images run
	$(BIN)/python -m experiments.report relatives_coresets$(SUFFIX) --paths
	$(BIN)/python -m experiments.communication report --suffix "$(SUFFIX)" --paths
	$(BIN)/python -m experiments.coded_images report --suffix "$(SUFFIX)" --paths
	$(BIN)/python -m experiments.relatives report --suffix "$(SUFFIX)" --paths

# PROFILE=subset needs 1,000 images and no GPU; without it, ILSVRC-2012 and GPUs (conf/experiment says
# for how long): nothing of it was run here.
reproduce-imagenet: $(READY) ## ImageNet (1,900 GPU-hours, not run); PROFILE=subset: two networks (20 min; QUICK=1: 2 min)
ifeq ($(PROFILE),subset)
	@printf '%s\n' $(IMAGENET_SUBSET:%=%$(SUFFIX)) | \
	  OMP_NUM_THREADS=1 xargs -P 2 -I NAME $(BIN)/python run.py experiment=NAME decoders=0
	$(BIN)/python -m experiments.report --paths
else
	@for experiment in $(IMAGENET); do \
	  $(BIN)/python run.py experiment=$$experiment || exit; \
	done
	$(BIN)/python -m experiments.report --paths
endif

# Two processes. FINALISTS (conf/frontier/methods.yaml) are chosen on the validation images first:
# make frontier-screening. Networks that are not to be had are named, the rest runs.
reproduce-frontier: $(READY) ## methods without images against those with some (4.5 h on a busy machine; QUICK=1: 4 min)
	@printf '%s\n' $(FRONTIER:%=%$(SUFFIX)) | \
	  OMP_NUM_THREADS=1 xargs -P 2 -I NAME $(BIN)/python run.py experiment=NAME decoders=0
	$(BIN)/python -m experiments.report --paths
	$(BIN)/python -m experiments.frontier --suffix "$(SUFFIX)"
	$(if $(QUICK),,$(BIN)/python -m experiments.claims)

frontier-screening: $(READY) ## all methods and constants on validation images, to choose (1 h 40 on a busy machine)
	@printf '%s\n' $(addsuffix $(SUFFIX),frontier_screening frontier_constants) | \
	  OMP_NUM_THREADS=1 xargs -P 2 -I NAME $(BIN)/python run.py experiment=NAME
	$(BIN)/python -m experiments.report $(addsuffix $(SUFFIX),frontier_screening frontier_constants)
	$(BIN)/python -m experiments.frontier screening --suffix "$(SUFFIX)"

gpu-smoke: $(READY) ## a few committed CIFAR cells on CUDA, image by image against the CPU (5 min)
	$(BIN)/python -m experiments.check gpu

# The weights are committed: this makes them anew, or what is missing, one after another.
train-cifar: $(READY) ## train the committed CIFAR networks; killed, it goes on (6 h on one core)
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.checkpoints_commit dataset=cifar10 arch=cifar_vgg --seeds 0 1 2
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.checkpoints_commit dataset=cifar10 arch=cifar_alexnet
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.checkpoints_commit dataset=cifar10 arch=resnet20
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.checkpoints_commit dataset=cifar100 arch=cifar_vgg

report: $(READY) ## rebuild tables and figures from results/summary (30 s)
	$(BIN)/python -m experiments.report
	$(BIN)/python -m experiments.geometry
	$(BIN)/python -m experiments.frontier
	$(BIN)/python -m experiments.ntk report --paths
	$(BIN)/python -m experiments.communication report --paths
	$(BIN)/python -m experiments.coded_images report --paths
	$(BIN)/python -m experiments.relatives report --paths

check-paper: $(READY) ## put ours beside a paper's figures: PAPER=file.csv (results/published/template.csv)
	@[ -n "$(PAPER)" ] || { echo "check-paper: PAPER=file.csv is missing" >&2; exit 2; }
	$(BIN)/python -m experiments.check paper $(PAPER) --seeds $(SEEDS) --limit $(LIMIT)

check-published: $(READY) ## measure the published figures whose weights are at hand (1 min)
	$(BIN)/python -m experiments.check published

spot-check: $(READY) ## compute N committed cells again, bit by bit (at most 10 min)
	$(BIN)/python -m experiments.check spot --n $(N) --seed $(SEED) --minutes $(MINUTES)

claims: $(READY) ## judge conf/claims.yaml from results/summary, write results/claims.md (5 s)
	$(BIN)/python -m experiments.claims

data: $(READY) ## unpack the data of ../shared into data/, where it is there (30 s)
	@if [ -f $(PREPARE) ]; then \
	  $(BIN)/python $(PREPARE) data mnist fashion_mnist cifar10 cifar100 imagenet; \
	else \
	  echo "data: no $(PREPARE); nothing to do"; \
	fi

clean: ## remove the environment, caches and build products; data and results stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .benchmarks build dist *.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
