-- 0016_code.sql. Why: words that are worth something: credits or a plan for nothing, or less to pay. A word is worth it so often and no oftener, whoever
-- sends it at once: the counts are the database's.

CREATE TABLE IF NOT EXISTS shop_code (
  code        VARCHAR(32)  NOT NULL PRIMARY KEY,      -- capitals and digits, as shop/code.c reads what was typed
  batch       BIGINT       NOT NULL,          -- those that were made together
  kind        VARCHAR(16)  NOT NULL,          -- shop/code.h
  plan        VARCHAR(32)  NOT NULL,          -- the plan that is given, or that alone costs less; '' = any
  amount      BIGINT       NOT NULL,          -- credits; per cent; minor units
  currency    VARCHAR(3)   NOT NULL,          -- of minor units
  valid_ms    BIGINT       NOT NULL,          -- how long given credits last
  uses_max    BIGINT       NOT NULL,          -- 0 = no limit
  uses        BIGINT       NOT NULL,
  each_max    BIGINT       NOT NULL,          -- for one account
  starts_ms   BIGINT       NOT NULL,
  ends_ms     BIGINT       NOT NULL,
  disabled    SMALLINT     NOT NULL,          -- 1: by the operator
  note        VARCHAR(200) NOT NULL,
  created_ms  BIGINT       NOT NULL,
  CHECK (amount >= 0),
  CHECK (uses >= 0),
  CHECK (uses_max = 0 OR uses <= uses_max)
);
CREATE INDEX IF NOT EXISTS shop_code_batch ON shop_code (batch, code);

CREATE TABLE IF NOT EXISTS shop_code_use (
  code        VARCHAR(32)  NOT NULL REFERENCES shop_code (code),
  account_id  BIGINT       NOT NULL,
  n           BIGINT       NOT NULL,          -- 0, 1, ... below each_max
  id          BIGINT       NOT NULL UNIQUE,   -- the cause in the ledger
  order_id    BIGINT       NOT NULL,          -- that it made cheaper, or that gave the plan; 0 = credits
  at_ms       BIGINT       NOT NULL,
  PRIMARY KEY (code, account_id, n)
);
CREATE INDEX IF NOT EXISTS shop_code_use_order ON shop_code_use (order_id);
