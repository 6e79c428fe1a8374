-- 0024_ledger_live.sql. Why: a hold looked through every lot that an account ever had for those that have something left. The lots that have are a list of
-- their own now, beside the list of all, from the wallet's row on, which a movement writes anyway: so that costs no page more, as an index would.

ALTER TABLE ledger_account ADD COLUMN live_id BIGINT NOT NULL DEFAULT 0;      -- of a wallet: the first of its lots with something available; 0 = none
ALTER TABLE ledger_lot ADD COLUMN live_prev BIGINT NOT NULL DEFAULT -1;       -- the next one of that list; 0 = none, -1: it is not in the list
CREATE TABLE IF NOT EXISTS ledger_lot_live (id BIGINT NOT NULL PRIMARY KEY, account_id BIGINT NOT NULL, prev_id BIGINT NOT NULL);
INSERT INTO ledger_lot_live (id, account_id, prev_id)
  SELECT l.id, l.account_id, COALESCE(LAG(l.id) OVER (PARTITION BY l.account_id ORDER BY l.id), 0) FROM ledger_lot l
  WHERE l.live = 1 AND NOT EXISTS (SELECT 1 FROM (SELECT id FROM ledger_lot_live) n WHERE n.id = l.id);
CREATE INDEX IF NOT EXISTS ledger_lot_live_of ON ledger_lot_live (account_id);
UPDATE ledger_lot SET live_prev = (SELECT n.prev_id FROM ledger_lot_live n WHERE n.id = ledger_lot.id) WHERE live = 1;
UPDATE ledger_account SET live_id = COALESCE((SELECT MAX(n.id) FROM ledger_lot_live n WHERE n.account_id = ledger_account.owner_id), 0) WHERE book = 'wallet';
DROP TABLE IF EXISTS ledger_lot_live;
