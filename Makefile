# Two commands are enough: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) tools/bootstrap.py

.PHONY: demo test coverage mutation bench setup lock clean
demo:
	$(BOOTSTRAP) demo $(ARGS)
test:
	$(BOOTSTRAP) test $(ARGS)
coverage:
	$(BOOTSTRAP) coverage
mutation:
	$(BOOTSTRAP) mutation $(ARGS)
bench:
	$(BOOTSTRAP) bench
setup:
	$(BOOTSTRAP) setup
lock:
	$(BOOTSTRAP) lock
clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .import_linter_cache runs
