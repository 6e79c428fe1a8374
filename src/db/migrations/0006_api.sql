-- 0006_api.sql. Why: a client that lost the answer repeats its request; the effect must not happen again.

CREATE TABLE IF NOT EXISTS idempotency (
  account_id BIGINT      NOT NULL,
  idem_key   VARCHAR(64) NOT NULL,          -- from the client, or the id of the upload that was used up
  route      VARCHAR(80) NOT NULL,          -- "POST /v1/tasks"
  body_sha   CHAR(64)    NOT NULL,          -- path and body: the same key with another request is refused
  status     SMALLINT    NOT NULL,          -- of the first answer
  object_id  BIGINT      NOT NULL,          -- the answer is rendered again from this
  created_ms BIGINT      NOT NULL,
  PRIMARY KEY (account_id, idem_key, route) -- per account: a stranger's key must never find this row
);

CREATE INDEX IF NOT EXISTS idempotency_by_age ON idempotency (created_ms);   -- the keeper forgets after 7 days
