"""What the Sigma rules of deploy/sigma become by pySigma's backends (LGPL, run beside the tests only), held against the files in deploy, and run
over records that each rule must find and others that it must pass: the SQL by DuckDB, the KQL by duckdb-kql, the rules themselves by Tenzir.

With `--write` the files are written. Else the argument is the folder of records, and every fault is printed; the end is 1 if there is any."""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import duckdb_kql
import elastic_pack
import sentinel_pack
import sqlglot
import sigma.data.mitre_attack
import yaml
from sigma.backends.elasticsearch import ESQLBackend, LuceneBackend
from sigma.backends.kusto import KustoBackend
from sigma.backends.opensearch import OpensearchLuceneBackend
from sigma.backends.splunk import SplunkBackend
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "sigma"
# The columns of the table in Sentinel.
COLUMNS = [column["name"] for column in json.loads((DEPLOY / "sentinel/columns.json").read_text())]
INDEX = ["tachograph-*", "logs-tachograph-*"]
MARK = "# Detections: made of deploy/sigma by tests/validators/detections.py --write. Change them there.\n"
# Backends that know no order take the events within the time in any order, which finds the sequences and more.
UNORDERED = "In any order, since this query language has no sequences."
SEVERITY = {"low": 2, "medium": 3, "high": 4, "critical": 5}


# Else it fetches the names of ATT&CK from the network. The tags have the numbers.
sigma.data.mitre_attack._load_mitre_attack_data = lambda: {"mitre_attack_tactics": {}, "mitre_attack_techniques": {}}


class DuckDb(sqliteBackend):
    """DuckDB compares with case and has another word for expressions."""

    table = "tachograph_events"
    startswith_expression = "{field} ILIKE '{value}%' ESCAPE '\\'"
    endswith_expression = "{field} ILIKE '%{value}' ESCAPE '\\'"
    contains_expression = "{field} ILIKE '%{value}%' ESCAPE '\\'"
    wildcard_match_expression = "{field} ILIKE '{value}' ESCAPE '\\'"
    wildcard_match_str_expression = "{field} ILIKE '{value}' ESCAPE '\\'"
    re_expression = "regexp_matches({field}, '{regex}')"


class Detection:
    """A file of rules. The last one is what finds; those before it are what a correlation counts."""

    def __init__(self, path):
        self.name, self.text = path.stem, path.read_text()
        self.documents = list(yaml.safe_load_all(self.text))
        self.rule = self.documents[-1]
        self.correlation = self.rule.get("correlation")

    def convert(self, backend, form="default"):
        # Names for the tags are not at hand.
        own = [{key: value for key, value in document.items() if key != "tags"} for document in self.documents]
        text = yaml.safe_dump_all(own, sort_keys=False).replace("type: temporal_ordered", "type: temporal")
        return backend.convert(SigmaCollection.from_yaml(text), form)

    def is_loosened(self):
        return bool(self.correlation) and self.correlation["type"] == "temporal_ordered"

    def description(self):
        return self.rule["description"] + (" " + UNORDERED if self.is_loosened() else "")


def detections():
    return [Detection(path) for path in sorted(RULES.glob("*.yml"))]


def pipeline(*names):
    pipelines = [ProcessingPipeline.from_yaml((RULES / "pipelines" / f"{name}.yml").read_text()) for name in names]
    return sum(pipelines[1:], pipelines[0])


def splunk(detection):
    """A saved search that somebody switches on."""
    query = "\n".join(line for line in detection.convert(SplunkBackend(pipeline("plain", "splunk")))[0].split("\n") if line.strip())
    earliest = "-70m@m" if detection.correlation else "-10m@m"
    setting = {
        "description": detection.description(),
        "search": query.replace("\n", " \\\n"),
        "enableSched": 0,
        "cron_schedule": "*/5 * * * *",
        "dispatch.earliest_time": earliest,
        "dispatch.latest_time": "now",
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": 0,
        "alert.track": 1,
        "alert.suppress": 1,
        "alert.suppress.period": "1h",
        "alert.severity": SEVERITY[detection.rule["level"]],
    }
    return f"[Tachograph: {detection.rule['title']}]\n" + "".join(f"{name} = {value}\n" for name, value in setting.items())


def elasticsearch(detection):
    """A rule of Elastic Security."""
    backend = ESQLBackend(pipeline("ecs", "elastic")) if detection.correlation else LuceneBackend(pipeline("ecs"), index_names=INDEX)
    made = detection.convert(backend, "siem_rule_ndjson")
    rule = made[0] if isinstance(made[0], dict) else json.loads(made[0])
    rule["description"] = detection.description()
    rule["enabled"], rule["license"] = False, "Apache-2.0"
    # A search looks back further than its interval, and a correlation at all of its time.
    rule["from"] = "now-70m" if detection.correlation else "now-10m"
    rule["tags"] = detection.rule["tags"]
    return json.dumps(rule, sort_keys=True, ensure_ascii=False) + "\n"


def opensearch(detection):
    """A monitor of OpenSearch Alerting; it has no correlations."""
    made = detection.convert(OpensearchLuceneBackend(pipeline("ecs"), index_names=INDEX), "monitor_rule")[0]
    made["enabled"] = False
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def kusto(detection):
    query = detection.convert(KustoBackend(pipeline("sentinel")))[0]
    return f"// {detection.rule['title']}\nTachographEvents\n| where {query}\n"


def sql(detection):
    query = detection.convert(DuckDb(pipeline("plain")))[0]
    # SQLite's quotes of names.
    query = re.sub(r"`(\w+)`", r'"\1"', query)
    return f"-- {detection.rule['title']}\n" + sqlglot.transpile(query, read="duckdb", write="duckdb", pretty=True)[0] + ";\n"


def athena(text):
    """The same question to Athena. Comments stay in front."""
    comments = "".join(re.findall(r"^--.*\n", text, re.M))
    query = re.sub(r"^--.*\n", "", text, flags=re.M)
    return comments + sqlglot.transpile(query, read="duckdb", write="athena", pretty=True)[0] + ";\n"


def files():
    """Every file that follows from the rules and from the queries for DuckDB."""
    made, searches, rules = {}, [], ""
    for detection in detections():
        searches.append(splunk(detection))
        rules += elasticsearch(detection)
        name = detection.name
        if not detection.correlation:
            made[f"elastic/opensearch/detections/{name}.json"] = opensearch(detection)
            made[f"sentinel/detections/{name}.kql"] = kusto(detection)
            made[f"duckdb/detections/{name}.sql"] = sql(detection)
    made["elastic/elasticsearch/detections.ndjson"] = rules
    saved = DEPLOY / "splunk/default/savedsearches.conf"
    made["splunk/default/savedsearches.conf"] = saved.read_text().split(MARK)[0] + MARK + "\n" + "\n".join(searches)
    for kind in ("detections", "queries"):
        queries = {f"duckdb/{kind}/{path.name}": path.read_text() for path in (DEPLOY / "duckdb" / kind).glob("*.sql")}
        queries |= {name: text for name, text in made.items() if name.startswith(f"duckdb/{kind}/")}
        made |= {name.replace("duckdb", "athena"): athena(text) for name, text in sorted(queries.items())}
    return made | sentinel_pack.files() | elastic_pack.files()


def compared():
    for name, text in files().items():
        path = DEPLOY / name
        if not path.exists() or path.read_text() != text:
            yield f"deploy/{name} is not what the rules become: run tests/validators/detections.py --write"


def cases(folder, schema):
    """The records by rule, what must come of them, and the number of the case."""
    with open(folder / f"{schema}.ndjson", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def query_of(folder, name, ending):
    return (DEPLOY / folder / "detections" / f"{name}.{ending}").read_text()


def by_sql(folder, dialect):
    """Each detection in SQL over a table like that of the view tachograph_events."""
    for case in cases(folder, "plain"):
        con = duckdb.connect()
        table(con, case["records"])
        yield case, bool(con.execute(sql_of(dialect, case["rule"])).fetchall())


@functools.cache
def sql_of(dialect, rule):
    query = query_of(dialect, rule, "sql")
    return query if dialect == "duckdb" else sqlglot.transpile(query, read="athena", write="duckdb")[0]


@functools.cache
def sql_of_kql(rule):
    function = "function TachographEvents() {\n" + (DEPLOY / "sentinel/functions/TachographEvents.kql").read_text() + "\n}"
    return duckdb_kql.to_sql(query_of("sentinel", rule, "kql"), schema={"Tachograph_CL": COLUMNS}, functions=[function])


def table(con, records):
    """The table of the events, with the columns that the view of deploy/duckdb has."""
    columns = dict(re.findall(r"^ *'?(\w+)'?: '([^']+)'", (DEPLOY / "duckdb/views-ndjson.sql").read_text(), re.M))
    con.execute("CREATE TABLE tachograph_events (" + ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) + ")")
    for record in records:
        row = {name: value for name, value in record.items() if name in columns}
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
        con.execute(f"INSERT INTO tachograph_events ({names}) VALUES ({marks})", list(row.values()))


def by_kql(folder):
    """Each detection in KQL over a table like that of Sentinel, through the function of the pack."""
    for case in cases(folder, "plain"):
        con = duckdb_kql.connect()
        con.execute("CREATE TABLE Tachograph_CL (TimeGenerated TIMESTAMPTZ, EventTime TIMESTAMPTZ, Stream VARCHAR, Seq BIGINT, ExportSeq BIGINT, "
                    "RecordId VARCHAR, Kind VARCHAR, Severity VARCHAR, Host VARCHAR, Record JSON)")
        for record in case["records"]:
            counted = record["tachograph"]
            con.execute("INSERT INTO Tachograph_CL VALUES (?, ?, ?, ?, ?, ?, ?, 'info', ?, ?)",
                        [record["recorded"], record.get("time", record["recorded"]), counted["stream"], counted["seq"], counted["export_seq"],
                         record["position"], record["kind"], record.get("workspace_name", ""), json.dumps(record)])
        yield case, bool(con.execute(sql_of_kql(case["rule"])).fetchall())


def by_tenzir(folder, schema):
    """The rules that need one event, with the fields of the schema, all at once."""
    rules = {detection.name: detection for detection in detections() if not detection.correlation}
    engine = os.path.join(os.path.dirname(sys.executable), "tenzir")
    with tempfile.TemporaryDirectory() as place:
        os.mkdir(f"{place}/rules")
        for name, detection in rules.items():
            rule = SigmaRule.from_yaml(detection.text)
            pipeline(schema).apply(rule)
            said = rule.to_dict()
            # What pySigma says again leaves out the conditions that pipelines add.
            said["detection"]["condition"] = rule.detection.parsed_condition[0].condition
            Path(f"{place}/rules/{name}.yml").write_text(yaml.safe_dump(said))
        own = [case for case in cases(folder, schema) if case["rule"] in rules]
        with open(f"{place}/events.ndjson", "w", encoding="utf-8") as out:
            for number, case in enumerate(own):
                for record in case["records"]:
                    out.write(json.dumps({**record, "case_number": number}) + "\n")
        text = f'from_file "{place}/events.ndjson" {{ read_ndjson }}\nsigma path="{place}/rules"\nwrite_ndjson'
        run = subprocess.run([engine, text], capture_output=True, text=True, env={**os.environ, "HOME": place})
        if run.returncode:
            raise RuntimeError(run.stderr)
        # It makes a finding of OCSF of what a rule finds.
        found = {(line["evidences"][0]["data"]["case_number"], line["finding_info"]["title"]) for line in map(json.loads, run.stdout.splitlines())}
    for number, case in enumerate(own):
        yield case, (number, rules[case["rule"]].rule["title"]) in found


def main():
    if sys.argv[1:] == ["--write"]:
        for name, text in files().items():
            (DEPLOY / name).parent.mkdir(parents=True, exist_ok=True)
            (DEPLOY / name).write_text(text)
        return 0
    folder, faults = Path(sys.argv[1]), list(compared())
    known = {detection.name for detection in detections()}
    if known != {case["rule"] for case in cases(folder, "plain")}:
        faults.append("a rule has no cases, or a case no rule")
    runs = {
        "DuckDB": by_sql(folder, "duckdb"),
        "Athena's SQL in DuckDB": by_sql(folder, "athena"),
        "KQL in duckdb-kql": by_kql(folder),
        "Sigma in Tenzir, ECS": by_tenzir(folder, "ecs"),
        "Sigma in Tenzir, OCSF": by_tenzir(folder, "ocsf"),
    }
    for engine, results in runs.items():
        rules, right = set(), 0
        for case, found in results:
            rules.add(case["rule"])
            right += found == (case["case"] == "finds")
            if found != (case["case"] == "finds"):
                faults.append(f"{engine}: {case['rule']} {'does not find' if case['case'] == 'finds' else 'finds'} {json.dumps(case['records'])[:600]}")
        print(f"{engine}: {len(rules)} rules, {right} cases right")
    print("\n".join(faults[:40]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
