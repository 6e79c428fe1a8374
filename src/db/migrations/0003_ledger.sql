-- 0003_ledger.sql. Why: credits and cost, double entry. An entry moves a positive amount from one account to another, so that every
-- transaction sums to 0 by construction; the database itself refuses a balance below the floor and a cause that happens twice.

CREATE TABLE IF NOT EXISTS ledger_account (
  id          BIGINT      NOT NULL PRIMARY KEY,
  owner_id    BIGINT      NOT NULL,          -- account; 0 = the house
  book        VARCHAR(16) NOT NULL,          -- ledger/book.c, books[]
  unit        VARCHAR(16) NOT NULL,          -- "credit" or "microusd"
  balance     BIGINT      NOT NULL,          -- what came in - what went out
  floor_min   BIGINT      NOT NULL,
  UNIQUE (owner_id, book),
  CHECK (balance >= floor_min)
);

CREATE TABLE IF NOT EXISTS ledger_tx (
  id          BIGINT      NOT NULL PRIMARY KEY,
  cause       VARCHAR(32) NOT NULL,          -- "welcome", "hold", "resolve", "cost" ...
  cause_id    BIGINT      NOT NULL,          -- the account, task or attempt it is about
  at_ms       BIGINT      NOT NULL,
  UNIQUE (cause, cause_id)                   -- a cause happens once
);

CREATE TABLE IF NOT EXISTS ledger_entry (
  id          BIGINT      NOT NULL PRIMARY KEY,
  tx_id       BIGINT      NOT NULL,
  kind        VARCHAR(16) NOT NULL,          -- "grant", "hold", "capture", "release", "cost"
  from_id     BIGINT      NOT NULL,
  to_id       BIGINT      NOT NULL,
  amount      BIGINT      NOT NULL,
  at_ms       BIGINT      NOT NULL,
  CHECK (amount > 0),
  CHECK (from_id <> to_id)
);
CREATE INDEX IF NOT EXISTS ledger_entry_from ON ledger_entry (from_id, id);  -- an account's list, and verify
CREATE INDEX IF NOT EXISTS ledger_entry_to ON ledger_entry (to_id, id);
CREATE INDEX IF NOT EXISTS ledger_entry_tx ON ledger_entry (tx_id);          -- verify: a hold's capture and release

CREATE TABLE IF NOT EXISTS ledger_hold (
  task_id     BIGINT      NOT NULL PRIMARY KEY,
  account_id  BIGINT      NOT NULL,
  credits     BIGINT      NOT NULL,          -- put aside when the task was queued; 0 is allowed
  captured    BIGINT      NOT NULL,
  state       VARCHAR(16) NOT NULL,          -- "held", then "resolved" once and for all
  held_ms     BIGINT      NOT NULL,
  resolved_ms BIGINT      NOT NULL,          -- 0 while held
  CHECK (credits >= 0),
  CHECK (captured >= 0),
  CHECK (captured <= credits)
);
CREATE INDEX IF NOT EXISTS ledger_hold_open ON ledger_hold (state, account_id);   -- verify: what is put aside, by account
