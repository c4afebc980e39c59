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
      LOWER(command) LIKE LOWER('%pip install%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%pip3 install%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%uv add%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%uv pip install%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%npm install%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%npm i %') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%pnpm add%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%yarn add%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%gem install%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%cargo install%') ESCAPE '\'
    )
    AND (
      LOWER(command) LIKE LOWER('%--index-url%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%--extra-index-url%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% -i http%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%--registry%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --source http%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('% --git http%') ESCAPE '\'
      OR LOWER(command) LIKE LOWER('%git+http%') ESCAPE '\'
    )
    AND (
      NOT COALESCE(
        (
          LOWER(command) LIKE LOWER('%https://pypi.org/simple%') ESCAPE '\'
          OR LOWER(command) LIKE LOWER('%https://registry.npmjs.org%') ESCAPE '\'
          OR LOWER(command) LIKE LOWER('%https://rubygems.org%') ESCAPE '\'
          OR LOWER(command) LIKE LOWER('%https://packages.acme.example/%') ESCAPE '\'
        ),
        0
      )
    )
  );
