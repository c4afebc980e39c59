variable "agent_id" {
  description = "The id of the workspace's `coder_agent`."
  type        = string
}

variable "ingest" {
  description = "Where Tachograph takes hooks: the address of `listen.ingest`, as the workspace reaches it."
  type        = string
}

variable "otlp" {
  description = "Where Tachograph takes OpenTelemetry over HTTP: the `http` address of its collector, as the workspace reaches it."
  type        = string
}

variable "token" {
  description = "A token with role `ingest` for the dialects `hooks` and `otel`, best one for each workspace or team. The workspace's user can read it."
  type        = string
  sensitive   = true
}

variable "agents" {
  description = "The agents whose hooks and telemetry are set up."
  type        = list(string)
  default     = ["claude_code", "codex", "gemini"]

  validation {
    condition     = alltrue([for agent in var.agents : contains(["claude_code", "codex", "gemini", "copilot"], agent)])
    error_message = "Each is one of claude_code, codex, gemini and copilot."
  }
}

variable "tool_details" {
  description = "Whether Claude Code's telemetry tells inputs of tools and names of MCP tools. They are content in Tachograph."
  type        = bool
  default     = true
}
