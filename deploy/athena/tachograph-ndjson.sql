-- Events that a sink `s3` with `format = "ndjson.zst"` and `schema = "plain"` created. Put your bucket and prefix in; add columns of docs/sql.md by their
-- names as you need them. Times are texts here: `from_iso8601_timestamp(time)`. One partition a day, without a crawler.
CREATE EXTERNAL TABLE tachograph_events (
  position string,
  recorded string,
  time string,
  kind string,
  source string,
  family string,
  org string,
  team string,
  `user` string,
  agent string,
  agent_kind string,
  session string,
  workspace string,
  workspace_name string,
  action string,
  target string,
  outcome string,
  rule string,
  status bigint,
  method string,
  scheme string,
  host string,
  domain string,
  port bigint,
  path string,
  bytes_out bigint,
  bytes_in bigint,
  provider string,
  model string,
  tokens_in bigint,
  tokens_out bigint,
  cost_micros bigint,
  tool string,
  mcp_server string,
  action_fp string,
  exit_code bigint,
  command string,
  file string,
  state string,
  tachograph struct<stream: string, seq: bigint, export_seq: bigint>
)
PARTITIONED BY (day string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json' = 'false')
LOCATION 's3://acme-agents/tachograph/events/0/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '2025/01/01,NOW',
  'storage.location.template' = 's3://acme-agents/tachograph/events/0/${day}/'
);
