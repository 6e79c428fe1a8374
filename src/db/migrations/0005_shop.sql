-- 0005_shop.sql. Why: a price that was named must be the price that is held, for exactly the input that was priced.

CREATE TABLE IF NOT EXISTS quote (
  id              BIGINT       NOT NULL PRIMARY KEY,
  account_id      BIGINT       NOT NULL,
  recipe          VARCHAR(64)  NOT NULL,
  recipe_version  BIGINT       NOT NULL,
  credits         BIGINT       NOT NULL,
  spec            TEXT         NOT NULL,     -- canonical JSON: people, template, backdrop, candidates, params, weight
  created_ms      BIGINT       NOT NULL,
  expires_ms      BIGINT       NOT NULL,
  task_id         BIGINT       NOT NULL      -- 0 until bought
);
CREATE INDEX IF NOT EXISTS quote_expires ON quote (expires_ms);     -- the keeper forgets what nobody bought
