-- 0020_shop.sql. Why: what a person must look at ends some day, by itself or by their hand, and who said so and why must be read later. One word at
-- the order could not say it, and a second trouble hid the first.

CREATE TABLE IF NOT EXISTS shop_trouble (
  id          BIGINT       NOT NULL PRIMARY KEY,
  order_id    BIGINT       NOT NULL REFERENCES shop_order (id),
  what        VARCHAR(32)  NOT NULL,          -- shop/internal.h, shop__trouble()
  about       VARCHAR(255) NOT NULL,          -- which payment, refund or sum; '' = there is one only
  since_ms    BIGINT       NOT NULL,
  over_ms     BIGINT       NOT NULL,          -- 0 = somebody must look
  by_account  BIGINT       NOT NULL,          -- whose hand settled it; 0 = it ended by itself
  note        VARCHAR(400) NOT NULL,          -- what they did
  UNIQUE (order_id, what, about)              -- the same is told once, however often a provider says it; the order's list, too
);
INSERT INTO shop_trouble (id, order_id, what, about, since_ms, over_ms, by_account, note) SELECT id, id, trouble, '', created_ms, 0, 0, '' FROM shop_order WHERE trouble <> '';

-- What was paid is looked at again, for half a year: the notice of money that went back without us may be lost. Also what was paid before this.
CREATE INDEX IF NOT EXISTS shop_order_due ON shop_order (state, ask_ms);                  -- those apart from the open ones, which do not wait behind them
UPDATE shop_order SET ask_ms = paid_ms + 86400000 WHERE state = 'paid' AND kind <> 'member' AND provider <> '' AND price_minor > 0
  AND paid_ms > (SELECT n.newest FROM (SELECT MAX(paid_ms) AS newest FROM shop_order) n) - 15552000000;      -- 180 days, as order.c has it

-- The same number must be the same words whenever it is begun, and our own address is among them.
ALTER TABLE shop_order ADD COLUMN base_url VARCHAR(255) NOT NULL DEFAULT '';              -- where we were when it was begun first; '' = not begun
