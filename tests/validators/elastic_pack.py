"""The saved objects of deploy/elastic, made of one list of tables, for Kibana and for OpenSearch Dashboards."""

import json

INDEX = "tachograph-records"
# Title, query, what is counted or summed, by which fields.
TABLES = [
    ("Requests by outcome", "event.category:network", ("count", None), ["tachograph.outcome"]),
    ("Denied egress by agent", "event.category:network AND tachograph.outcome:(deny OR blocked)", ("count", None),
     ["gen_ai.agent.name", "user.name", "destination.registered_domain"]),
    ("Spend by team, micro-USD", "event.code:model.tokens AND tachograph.family:gateway", ("sum", "tachograph.cost_micros"),
     ["tachograph.team", "gen_ai.request.model"]),
    ("Agents that loop", "event.code:(tool.call OR command)", ("count", None),
     ["tachograph.session", "gen_ai.tool.name", "tachograph.action_fp"]),
    ("Hosts, oldest request", "event.code:egress.http", ("min", "@timestamp"), ["destination.registered_domain"]),
    ("MCP servers", "tachograph.mcp_server:*", ("count", None), ["tachograph.mcp_server", "user.name"]),
    ("Alerts by state", "event.kind:alert AND event.dataset:tachograph.alert", ("count", None), ["tachograph.alert.state", "rule.name"]),
    ("Records by stream: count, first and last number are in the gap search", "*", ("cardinality", "event.sequence"), ["tachograph.chain"]),
]


def text(value):
    return json.dumps(value, sort_keys=True)


def identifier(title):
    return "tachograph-" + "".join(c if c.isalnum() else "-" for c in title.lower())


def table(title, query, metric, fields):
    kind, field = metric
    aggregations = [{"id": "1", "enabled": True, "type": kind, "schema": "metric", "params": {"field": field} if field else {}}]
    for number, name in enumerate(fields, 2):
        aggregations.append({"id": str(number), "enabled": True, "type": "terms", "schema": "bucket",
                             "params": {"field": name, "orderBy": "1", "order": "desc", "size": 50, "missingBucket": False}})
    state = {"title": f"Tachograph: {title}", "type": "table", "aggs": aggregations,
             "params": {"perPage": 10, "showPartialRows": False, "showTotal": False}}
    source = {"query": {"query": query, "language": "lucene"}, "filter": [],
              "indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.index"}
    return {
        "id": identifier(title), "type": "visualization",
        "attributes": {"title": f"Tachograph: {title}", "description": "", "version": 1, "uiStateJSON": "{}", "visState": text(state),
                       "kibanaSavedObjectMeta": {"searchSourceJSON": text(source)}},
        "references": [{"id": INDEX, "name": "kibanaSavedObjectMeta.searchSourceJSON.index", "type": "index-pattern"}],
    }


def dashboard():
    panels, references = [], []
    for number, (title, *_) in enumerate(TABLES):
        place = {"x": 24 * (number % 2), "y": 15 * (number // 2), "w": 24, "h": 15, "i": str(number)}
        panels.append({"panelIndex": str(number), "gridData": place, "embeddableConfig": {}, "panelRefName": f"panel_{number}"})
        references.append({"id": identifier(title), "name": f"panel_{number}", "type": "visualization"})
    source = {"query": {"query": "", "language": "lucene"}, "filter": []}
    return {
        "id": "tachograph", "type": "dashboard", "references": references,
        "attributes": {"title": "Tachograph", "description": "What coding agents do.", "version": 1, "timeRestore": True, "timeFrom": "now-24h",
                       "timeTo": "now", "panelsJSON": text(panels), "optionsJSON": text({"useMargins": True, "hidePanelTitles": False}),
                       "kibanaSavedObjectMeta": {"searchSourceJSON": text(source)}},
    }


def files():
    pattern = {"id": INDEX, "type": "index-pattern", "references": [],
               "attributes": {"title": "tachograph-*,logs-tachograph-*", "timeFieldName": "@timestamp"}}
    objects = [pattern, *(table(*row) for row in TABLES), dashboard()]
    lines = "".join(text(item) + "\n" for item in objects)
    return {"elastic/elasticsearch/dashboard.ndjson": lines, "elastic/opensearch/dashboard.ndjson": lines}
