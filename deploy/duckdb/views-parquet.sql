-- Views over the objects of a sink `file`, `s3`, `gcs` or `azure_blob` with `schema = "plain"` and `format = "parquet"`. Put your own place in: a folder, or
-- s3://bucket/prefix, gs://bucket/prefix, az://container/prefix. docs/sql.md has the columns; the queries and detections beside need those below.
CREATE OR REPLACE VIEW tachograph_events AS
SELECT * FROM read_parquet('/var/spool/tachograph/events/**/part-*.parquet', union_by_name = true);
CREATE OR REPLACE VIEW tachograph_operations AS
SELECT * FROM read_parquet('/var/spool/tachograph/operations/**/part-*.parquet', union_by_name = true);
