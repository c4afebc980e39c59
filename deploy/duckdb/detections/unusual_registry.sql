-- Agent installs from an unusual package registry
SELECT
  *
FROM tachograph_events
WHERE
  (
    kind = 'command' OR kind = 'process.exec' OR kind = 'tool.call'
  )
  AND (
    (
      command ILIKE '%pip install%' ESCAPE '\'
      OR command ILIKE '%pip3 install%' ESCAPE '\'
      OR command ILIKE '%uv add%' ESCAPE '\'
      OR command ILIKE '%uv pip install%' ESCAPE '\'
      OR command ILIKE '%npm install%' ESCAPE '\'
      OR command ILIKE '%npm i %' ESCAPE '\'
      OR command ILIKE '%pnpm add%' ESCAPE '\'
      OR command ILIKE '%yarn add%' ESCAPE '\'
      OR command ILIKE '%gem install%' ESCAPE '\'
      OR command ILIKE '%cargo install%' ESCAPE '\'
    )
    AND (
      command ILIKE '%--index-url%' ESCAPE '\'
      OR command ILIKE '%--extra-index-url%' ESCAPE '\'
      OR command ILIKE '% -i http%' ESCAPE '\'
      OR command ILIKE '%--registry%' ESCAPE '\'
      OR command ILIKE '% --source http%' ESCAPE '\'
      OR command ILIKE '% --git http%' ESCAPE '\'
      OR command ILIKE '%git+http%' ESCAPE '\'
    )
    AND (
      NOT COALESCE(
        (
          command ILIKE '%https://pypi.org/simple%' ESCAPE '\'
          OR command ILIKE '%https://registry.npmjs.org%' ESCAPE '\'
          OR command ILIKE '%https://rubygems.org%' ESCAPE '\'
          OR command ILIKE '%https://packages.acme.example/%' ESCAPE '\'
        ),
        0
      )
    )
  );
