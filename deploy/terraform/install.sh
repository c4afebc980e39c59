#!/bin/sh
# Writes hooks and telemetry settings of the agents into the home of the workspace's user. Nothing is overwritten that a person wrote:
# what there is of Claude Code and Gemini is merged, and Codex' file is only added to.
set -eu

# Merges the JSON of standard input into a file.
merge() {
  mkdir -p "$(dirname "$1")"
  [ -s "$1" ] || echo '{}' > "$1"
  new=$(jq -s '.[0] * .[1]' "$1" -)
  printf '%s\n' "$new" > "$1"
}

for agent in ${agents}; do
  case "$agent" in
    claude_code)
      tachograph hook install --agent claude_code 2>/dev/null | merge "$HOME/.claude/settings.json"
      ;;
    codex)
      file="$HOME/.codex/config.toml"
      mkdir -p "$HOME/.codex"
      if ! grep -q 'tachograph hook' "$file" 2>/dev/null; then
        {
          tachograph hook install --agent codex --with-telemetry 2>/dev/null
          printf '[otel]\nlog_user_prompt = true\n'
          printf 'exporter = { otlp-http = { endpoint = "%s/v1/logs", protocol = "binary", headers = { "Authorization" = "Bearer %s" } } }\n' \
            "$OTEL_EXPORTER_OTLP_ENDPOINT" "$TACHOGRAPH_TOKEN"
        } >> "$file"
        chmod 600 "$file"
      fi
      ;;
    gemini)
      tachograph hook install --agent gemini 2>/dev/null | merge "$HOME/.gemini/settings.json"
      printf '{ "telemetry": { "enabled": true, "target": "local", "otlpEndpoint": "%s", "otlpProtocol": "http" } }' \
        "$OTEL_EXPORTER_OTLP_ENDPOINT" | merge "$HOME/.gemini/settings.json"
      ;;
    copilot)
      tachograph hook install --agent copilot 2>/dev/null | merge "$HOME/.copilot/hooks/tachograph.json"
      ;;
  esac
done
