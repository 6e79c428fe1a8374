-- 0018_ledger.sql. Why: what a movement costs is the pages it dirties, and those of a random account are never together. An entry had an index
-- by each of its two sides, every key was a second tree beside its table, and a book was one tree by its id and another by its owner. Now a book is
-- one row of one tree, by its owner; an entry names its sides by owner and book, and is appended, as is a lot; and the entries of an account's
-- book and the lots of an account are lists, each pointing to the one before, so that they are found from the book without an index.

CREATE TABLE IF NOT EXISTS ledger_account_new (
  owner_id    BIGINT      NOT NULL,          -- account; 0 = the house
  book        VARCHAR(16) NOT NULL,          -- ledger/internal.h, LEDGER_BOOKS
  unit        VARCHAR(16) NOT NULL,          -- "credit", "microusd", or a currency
  balance     BIGINT      NOT NULL,          -- what came in - what went out
  floor_min   BIGINT      NOT NULL,
  last_id     BIGINT      NOT NULL,          -- its newest entry; 0 = none, or a book of the house
  lot_id      BIGINT      NOT NULL,          -- of a wallet: the account's newest lot; 0 = none
  PRIMARY KEY (owner_id, book),
  CHECK (balance >= floor_min)
) /*sqlite:WITHOUT ROWID*/;
INSERT INTO ledger_account_new (owner_id, book, unit, balance, floor_min, last_id, lot_id)
  SELECT a.owner_id, a.book, a.unit, a.balance, a.floor_min, CASE WHEN a.owner_id = 0 THEN 0
    WHEN COALESCE((SELECT MAX(x.id) FROM ledger_entry x WHERE x.from_id = a.id), 0) > COALESCE((SELECT MAX(y.id) FROM ledger_entry y WHERE y.to_id = a.id), 0)
    THEN COALESCE((SELECT MAX(x.id) FROM ledger_entry x WHERE x.from_id = a.id), 0) ELSE COALESCE((SELECT MAX(y.id) FROM ledger_entry y WHERE y.to_id = a.id), 0) END,
    CASE WHEN a.book = 'wallet' THEN COALESCE((SELECT MAX(l.id) FROM ledger_lot l WHERE l.account_id = a.owner_id), 0) ELSE 0 END
  FROM ledger_account a WHERE NOT EXISTS (SELECT 1 FROM (SELECT owner_id, book FROM ledger_account_new) n WHERE n.owner_id = a.owner_id AND n.book = a.book);

CREATE TABLE IF NOT EXISTS ledger_entry_new (
  id          BIGINT/*sqlite:INTEGER*/ NOT NULL PRIMARY KEY,
  tx_id       BIGINT      NOT NULL,
  kind        VARCHAR(16) NOT NULL,          -- "grant", "hold", "capture", "release", "cost" ...
  from_owner  BIGINT      NOT NULL,          -- ledger_account
  from_book   VARCHAR(16) NOT NULL,
  from_prev   BIGINT      NOT NULL,          -- the entry before of that book; 0 = none, or a book of the house
  to_owner    BIGINT      NOT NULL,
  to_book     VARCHAR(16) NOT NULL,
  to_prev     BIGINT      NOT NULL,
  amount      BIGINT      NOT NULL,
  at_ms       BIGINT      NOT NULL,
  CHECK (amount > 0),
  CHECK (from_owner <> to_owner OR from_book <> to_book),
  CHECK (from_prev < id),
  CHECK (to_prev < id)
);
INSERT INTO ledger_entry_new (id, tx_id, kind, from_owner, from_book, from_prev, to_owner, to_book, to_prev, amount, at_ms)
  SELECT x.id, x.tx_id, x.kind, f.owner_id, f.book, CASE WHEN f.owner_id = 0 THEN 0
    WHEN COALESCE((SELECT MAX(p.id) FROM ledger_entry p WHERE p.from_id = f.id AND p.id < x.id), 0) > COALESCE((SELECT MAX(q.id) FROM ledger_entry q WHERE q.to_id = f.id AND q.id < x.id), 0)
    THEN COALESCE((SELECT MAX(p.id) FROM ledger_entry p WHERE p.from_id = f.id AND p.id < x.id), 0) ELSE COALESCE((SELECT MAX(q.id) FROM ledger_entry q WHERE q.to_id = f.id AND q.id < x.id), 0) END,
    t.owner_id, t.book, CASE WHEN t.owner_id = 0 THEN 0
    WHEN COALESCE((SELECT MAX(p.id) FROM ledger_entry p WHERE p.from_id = t.id AND p.id < x.id), 0) > COALESCE((SELECT MAX(q.id) FROM ledger_entry q WHERE q.to_id = t.id AND q.id < x.id), 0)
    THEN COALESCE((SELECT MAX(p.id) FROM ledger_entry p WHERE p.from_id = t.id AND p.id < x.id), 0) ELSE COALESCE((SELECT MAX(q.id) FROM ledger_entry q WHERE q.to_id = t.id AND q.id < x.id), 0) END,
    x.amount, x.at_ms
  FROM ledger_entry x JOIN ledger_account f ON f.id = x.from_id JOIN ledger_account t ON t.id = x.to_id
  WHERE NOT EXISTS (SELECT 1 FROM (SELECT id FROM ledger_entry_new) n WHERE n.id = x.id) ORDER BY x.id;

CREATE TABLE IF NOT EXISTS ledger_tx_new (
  id          BIGINT/*sqlite:INTEGER*/ NOT NULL PRIMARY KEY,
  cause       VARCHAR(32) NOT NULL,          -- "welcome", "hold", "resolve", "cost" ...
  cause_id    BIGINT      NOT NULL,          -- the account, task or attempt it is about
  at_ms       BIGINT      NOT NULL,
  product     VARCHAR(32) NOT NULL,
  task_id     BIGINT      NOT NULL,          -- 0 = of none
  UNIQUE (cause, cause_id)                   -- a cause happens once
);
INSERT INTO ledger_tx_new (id, cause, cause_id, at_ms, product, task_id)
  SELECT x.id, x.cause, x.cause_id, x.at_ms, x.product, x.task_id FROM ledger_tx x
  WHERE NOT EXISTS (SELECT 1 FROM (SELECT id FROM ledger_tx_new) n WHERE n.id = x.id) ORDER BY x.id;

CREATE TABLE IF NOT EXISTS ledger_lot_new (
  id          BIGINT/*sqlite:INTEGER*/ NOT NULL PRIMARY KEY,   -- the ledger_tx that granted it
  account_id  BIGINT      NOT NULL,
  source      SMALLINT    NOT NULL,          -- the columns are explained in 0009_ledger.sql
  credits     BIGINT      NOT NULL,
  live        SMALLINT    NOT NULL,
  available   BIGINT      NOT NULL,
  held        BIGINT      NOT NULL,
  spent       BIGINT      NOT NULL,
  expired     BIGINT      NOT NULL,
  taken       BIGINT      NOT NULL,
  currency    VARCHAR(3)  NOT NULL,
  paid        BIGINT      NOT NULL,
  refunded    BIGINT      NOT NULL,
  earned      BIGINT      NOT NULL,
  product     VARCHAR(32) NOT NULL,
  created_ms  BIGINT      NOT NULL,
  expires_ms  BIGINT      NOT NULL,
  prev_id     BIGINT      NOT NULL,          -- the next one of the account's list of lots; 0 = none
  CHECK (available >= 0),
  CHECK (live = 1 OR available = 0),
  CHECK (held >= 0),
  CHECK (spent >= 0),
  CHECK (expired >= 0),
  CHECK (taken >= 0),
  CHECK (available + held + spent + expired + taken = credits),
  CHECK (refunded >= 0),
  CHECK (earned >= 0),
  CHECK (refunded + earned <= paid)
);
INSERT INTO ledger_lot_new (id, account_id, source, credits, live, available, held, spent, expired, taken, currency, paid, refunded, earned, product, created_ms, expires_ms, prev_id)
  SELECT x.id, x.account_id, x.source, x.credits, x.live, x.available, x.held, x.spent, x.expired, x.taken, x.currency, x.paid, x.refunded, x.earned, x.product, x.created_ms, x.expires_ms,
    COALESCE((SELECT MAX(l.id) FROM ledger_lot l WHERE l.account_id = x.account_id AND l.id < x.id), 0)
  FROM ledger_lot x WHERE NOT EXISTS (SELECT 1 FROM (SELECT id FROM ledger_lot_new) n WHERE n.id = x.id) ORDER BY x.id;

DROP TABLE IF EXISTS ledger_account;
ALTER TABLE ledger_account_new RENAME TO ledger_account;
DROP TABLE IF EXISTS ledger_entry;
ALTER TABLE ledger_entry_new RENAME TO ledger_entry;
DROP TABLE IF EXISTS ledger_tx;
ALTER TABLE ledger_tx_new RENAME TO ledger_tx;
DROP TABLE IF EXISTS ledger_lot;
ALTER TABLE ledger_lot_new RENAME TO ledger_lot;
CREATE INDEX IF NOT EXISTS ledger_entry_tx ON ledger_entry (tx_id);                                      -- what a cause moved
CREATE INDEX IF NOT EXISTS ledger_lot_end ON ledger_lot (live, expires_ms);                              -- the keeper's sweep

-- Lots went along with a guest who became a person, and with nothing left in them no wallet was made: they need one for their list to begin at.
INSERT INTO ledger_account (owner_id, book, unit, balance, floor_min, last_id, lot_id)
  SELECT l.account_id, 'wallet', 'credit', 0, 0, 0, MAX(l.id) FROM ledger_lot l
  WHERE NOT EXISTS (SELECT 1 FROM (SELECT owner_id, book FROM ledger_account) a WHERE a.owner_id = l.account_id AND a.book = 'wallet') GROUP BY l.account_id;
