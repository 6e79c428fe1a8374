-- 0009_ledger.sql. Why: credits come from somewhere and end some day, and real money stands behind some of them. A lot is what one grant gave;
-- what is spent, returned, refunded or expires is taken from lots, so that margin and refunds are sums and not guesses.

CREATE TABLE IF NOT EXISTS ledger_lot (
  id          BIGINT      NOT NULL PRIMARY KEY,   -- the ledger_tx that granted it
  account_id  BIGINT      NOT NULL,
  source      SMALLINT    NOT NULL,          -- enum ledger_source; of lots that end together the smaller one is spent first
  credits     BIGINT      NOT NULL,          -- granted; 0 is allowed: money for something that is no credit
  live        SMALLINT    NOT NULL,          -- 1: something is available; those that are used up are not looked at again
  available   BIGINT      NOT NULL,          -- in the wallet
  held        BIGINT      NOT NULL,          -- put aside for tasks
  spent       BIGINT      NOT NULL,          -- captured, and not returned
  expired     BIGINT      NOT NULL,
  taken       BIGINT      NOT NULL,          -- taken back: refunded, or granted by mistake
  currency    VARCHAR(3)  NOT NULL,          -- ISO 4217; '' = nobody paid for it
  paid        BIGINT      NOT NULL,          -- minor units
  refunded    BIGINT      NOT NULL,
  earned      BIGINT      NOT NULL,          -- of what was paid and not refunded, what is ours by now (lot.c)
  product     VARCHAR(32) NOT NULL,
  created_ms  BIGINT      NOT NULL,
  expires_ms  BIGINT      NOT NULL,          -- LEDGER_NEVER_MS = never
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
CREATE INDEX IF NOT EXISTS ledger_lot_next ON ledger_lot (account_id, live, expires_ms, source, id);   -- what is spent first
CREATE INDEX IF NOT EXISTS ledger_lot_end ON ledger_lot (live, expires_ms);                               -- the keeper's sweep

-- What a task's hold took from a lot.
CREATE TABLE IF NOT EXISTS ledger_use (
  task_id     BIGINT      NOT NULL,
  lot_id      BIGINT      NOT NULL,
  open        SMALLINT    NOT NULL,          -- 1 until the hold is resolved
  held        BIGINT      NOT NULL,
  captured    BIGINT      NOT NULL,
  returned    BIGINT      NOT NULL,          -- of the captured ones
  PRIMARY KEY (task_id, lot_id),
  CHECK (held > 0),
  CHECK (captured >= 0),
  CHECK (captured <= held),
  CHECK (returned >= 0),
  CHECK (returned <= captured)
);
CREATE INDEX IF NOT EXISTS ledger_use_lot ON ledger_use (lot_id);      -- verify

-- What a movement is about, so that cost and income are sums by product and by task.
ALTER TABLE ledger_tx ADD COLUMN product VARCHAR(32) NOT NULL DEFAULT '';
ALTER TABLE ledger_tx ADD COLUMN task_id BIGINT NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS ledger_tx_task ON ledger_tx (task_id);

-- What there is already: one lot of gifts for each wallet, and the open holds out of it.
INSERT INTO ledger_lot (id, account_id, source, credits, live, available, held, spent, expired, taken, currency, paid, refunded, earned, product, created_ms, expires_ms)
  SELECT w.id, w.owner_id, 0, w.balance + COALESCE(h.balance, 0), CASE WHEN w.balance > 0 THEN 1 ELSE 0 END, w.balance, COALESCE(h.balance, 0), 0, 0, 0, '', 0, 0, 0, '', 0, 8640000000000000
  FROM ledger_account w LEFT JOIN ledger_account h ON h.owner_id = w.owner_id AND h.book = 'held'
  WHERE w.book = 'wallet' AND w.balance + COALESCE(h.balance, 0) > 0 AND NOT EXISTS (SELECT 1 FROM (SELECT id FROM ledger_lot) l WHERE l.id = w.id);
INSERT INTO ledger_use (task_id, lot_id, open, held, captured, returned)
  SELECT k.task_id, w.id, 1, k.credits, 0, 0 FROM ledger_hold k JOIN ledger_account w ON w.owner_id = k.account_id AND w.book = 'wallet'
  WHERE k.state = 'held' AND k.credits > 0 AND NOT EXISTS (SELECT 1 FROM (SELECT task_id FROM ledger_use) u WHERE u.task_id = k.task_id);
