-- Events that a sink `s3` with `format = "parquet"` and `schema = "plain"` created. Put your bucket and prefix in; add columns of docs/sql.md by their
-- names as you need them: `bigint` for integers, `timestamp(3)` reads times, `array(varchar)` lists. One partition a day, without a crawler.
CREATE EXTERNAL TABLE tachograph_events (
  position string,
  recorded timestamp,
  time timestamp,
  kind string,
  source string,
  workspace string,
  `user` string,
  agent string,
  session string,
  host string,
  method string,
  path string,
  status bigint,
  outcome string,
  command string,
  tool string,
  model string,
  tachograph struct<stream: string, seq: bigint, export_seq: bigint>,
  unmapped string
)
PARTITIONED BY (day string)
STORED AS PARQUET
LOCATION 's3://acme-agents/tachograph/events/0/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '2025/01/01,NOW',
  'storage.location.template' = 's3://acme-agents/tachograph/events/0/${day}/'
);
