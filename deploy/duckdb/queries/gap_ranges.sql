-- Which numbers are lost or doubled: each stretch of lost ones with its bounds, and each doubled number.
WITH numbers AS (
  SELECT tachograph.stream AS stream, tachograph.export_seq AS number, count(*) AS copies
  FROM tachograph_events
  GROUP BY 1, 2
), steps AS (
  SELECT stream, number, copies, lag(number) OVER (PARTITION BY stream ORDER BY number) AS before
  FROM numbers
)
SELECT stream, 'lost' AS what, before + 1 AS first, number - 1 AS last
FROM steps
WHERE number > before + 1
UNION ALL
SELECT stream, 'doubled', number, number
FROM steps
WHERE copies > 1
ORDER BY 1, 3;
