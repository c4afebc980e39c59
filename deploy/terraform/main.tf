# Lets the coding agents of a Coder workspace tell Tachograph what they do: their environment, and the hooks and telemetry settings that
# a script writes when the workspace starts. In a template:
#
#   module "tachograph" {
#     source   = "./tachograph"                # a copy of this folder
#     agent_id = coder_agent.main.id
#     ingest   = "https://tachograph.acme.example:7071"
#     otlp     = "https://tachograph.acme.example:4318"
#     token    = var.tachograph_token          # tachograph token create --role ingest --dialect hooks --dialect otel --trust workspace
#   }
#
# The binary `tachograph` has to be in the image. What runs as the workspace's user can be changed by the agent, too: put the same hooks into
# the image's managed settings (docs/sources/claude-code.md) where that matters, and let the gateway be the second witness.

terraform {
  required_version = ">= 1.4"

  required_providers {
    coder = {
      source  = "coder/coder"
      version = ">= 2.4"
    }
  }
}

locals {
  # Names and values that are no secret.
  environment = merge(
    {
      TACHOGRAPH_INGEST           = var.ingest
      OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp
      OTEL_EXPORTER_OTLP_PROTOCOL = "http/protobuf"
    },
    contains(var.agents, "claude_code") ? {
      CLAUDE_CODE_ENABLE_TELEMETRY = "1"
      OTEL_LOGS_EXPORTER           = "otlp"
      OTEL_METRICS_EXPORTER        = "otlp"
      OTEL_LOG_TOOL_DETAILS        = var.tool_details ? "1" : "0"
    } : {},
    contains(var.agents, "copilot") ? { COPILOT_OTEL_ENABLED = "true" } : {},
  )
}

resource "coder_env" "tachograph" {
  for_each = local.environment
  agent_id = var.agent_id
  name     = each.key
  value    = each.value
}

resource "coder_env" "token" {
  agent_id = var.agent_id
  name     = "TACHOGRAPH_TOKEN"
  value    = var.token
}

resource "coder_env" "headers" {
  agent_id = var.agent_id
  name     = "OTEL_EXPORTER_OTLP_HEADERS"
  value    = "Authorization=Bearer ${var.token}"
}

resource "coder_script" "tachograph" {
  agent_id     = var.agent_id
  display_name = "Tachograph"
  run_on_start = true
  # Agents that start before their hooks are there tell nothing.
  start_blocks_login = true
  script             = templatefile("${path.module}/install.sh", { agents = join(" ", var.agents) })
}
