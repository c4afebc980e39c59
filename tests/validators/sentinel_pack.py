"""The templates of deploy/sentinel, made of its list of columns, its function, queries and detections, so that they cannot differ."""

import json
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
PACK = DEPLOY / "sentinel"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
WORKSPACE = "[parameters('workspace')]"
SEVERITY = {"low": "Low", "medium": "Medium", "high": "High", "critical": "High"}


def template(parameters, resources, outputs=None):
    made = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "parameters": parameters, "resources": resources}
    return json.dumps({**made, "outputs": outputs} if outputs else made, indent=2, ensure_ascii=False) + "\n"


def text(what):
    return {"type": "string", "metadata": {"description": what}}


def table_and_rule():
    """The table, and the data collection rule that fills it."""
    columns = json.loads((PACK / "columns.json").read_text())
    parameters = {
        "workspace": text("Name of the Log Analytics workspace behind Sentinel."),
        "rule": {**text("Name of the data collection rule."), "defaultValue": "tachograph"},
        "location": {**text("Region of the workspace."), "defaultValue": "[resourceGroup().location]"},
        "retentionInDays": {"type": "int", "defaultValue": 90, "metadata": {"description": "Days that records are kept."}},
    }
    table = {
        "type": "Microsoft.OperationalInsights/workspaces/tables",
        "apiVersion": "2022-10-01",
        "name": "[concat(parameters('workspace'), '/Tachograph_CL')]",
        "properties": {"retentionInDays": "[parameters('retentionInDays')]", "schema": {"name": "Tachograph_CL", "columns": columns}},
    }
    rule = {
        "type": "Microsoft.Insights/dataCollectionRules",
        "apiVersion": "2023-03-11",
        "name": "[parameters('rule')]",
        "location": "[parameters('location')]",
        "kind": "Direct",
        "dependsOn": ["[resourceId('Microsoft.OperationalInsights/workspaces/tables', parameters('workspace'), 'Tachograph_CL')]"],
        "properties": {
            "streamDeclarations": {"Custom-Tachograph": {"columns": columns}},
            "destinations": {"logAnalytics": [{
                "workspaceResourceId": "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspace'))]",
                "name": "workspace",
            }]},
            "dataFlows": [{"streams": ["Custom-Tachograph"], "destinations": ["workspace"], "transformKql": "source",
                           "outputStream": "Custom-Tachograph_CL"}],
        },
    }
    reference = "reference(resourceId('Microsoft.Insights/dataCollectionRules', parameters('rule')), '2023-03-11')"
    outputs = {
        "rule": {"type": "string", "value": f"[{reference}.immutableId]"},
        "url": {"type": "string", "value": f"[{reference}.endpoints.logsIngestion]"},
    }
    return template(parameters, [table, rule], outputs)


def function():
    properties = {"category": "Tachograph", "displayName": "TachographEvents", "functionAlias": "TachographEvents",
                  "query": (PACK / "functions/TachographEvents.kql").read_text(), "version": 2}
    resource = {"type": "Microsoft.OperationalInsights/workspaces/savedSearches", "apiVersion": "2020-08-01",
                "name": "[concat(parameters('workspace'), '/TachographEvents')]", "properties": properties}
    return template({"workspace": text("Name of the Log Analytics workspace behind Sentinel.")}, [resource])


def analytics():
    """The detections as scheduled rules, switched off."""
    resources = []
    for path in sorted((DEPLOY / "sigma").glob("*.yml")):
        rule = list(yaml.safe_load_all(path.read_text()))[-1]
        correlated = "correlation" in rule
        resources.append({
            "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
            "apiVersion": "2023-02-01",
            "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{rule['id']}')]",
            "kind": "Scheduled",
            "properties": {
                "displayName": rule["title"], "description": rule["description"], "severity": SEVERITY[rule["level"]], "enabled": False,
                "query": (PACK / f"detections/{path.stem}.kql").read_text(),
                "queryFrequency": "PT5M", "queryPeriod": "PT70M" if correlated else "PT10M",
                "triggerOperator": "GreaterThan", "triggerThreshold": 0, "suppressionEnabled": False, "suppressionDuration": "PT1H",
            },
        })
    return template({"workspace": text("Name of the Log Analytics workspace behind Sentinel.")}, resources)


def workbook():
    """A page with each query, as the editor of workbooks takes it (Advanced Editor, Gallery Template)."""
    items = [{"type": 1, "content": {"json": "# Tachograph\nWhat coding agents do, and whether all of it is here."}, "name": "title"}]
    for name in ["gaps", "gap_ranges", "open_alerts", "denied_egress_by_agent", "new_hosts", "spend_by_team", "mcp_servers", "looping_agents"]:
        query = (PACK / f"queries/{name}.kql").read_text()
        title = query.split("\n")[0].removeprefix("// ")
        items.append({"type": 3, "name": name, "content": {
            "version": "KqlItem/1.0", "query": query, "size": 0, "title": title, "timeContext": {"durationMs": 604800000},
            "queryType": 0, "resourceType": "microsoft.operationalinsights/workspaces", "visualization": "table"}})
    return json.dumps({"version": "Notebook/1.0", "items": items, "fallbackResourceIds": [], "$schema":
                       "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"}, indent=2, ensure_ascii=False) + "\n"


def files():
    made = {"table-and-rule": table_and_rule, "function": function, "detections": analytics, "workbook": workbook}
    return {f"sentinel/{name}.json": make() for name, make in made.items()}
