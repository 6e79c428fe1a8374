-- 0022_shop_fee.sql. Why: beside the fee of a payment a provider keeps others, that of a dispute say, which may be more than the price; and it may give
-- them back. What it says is a sum, told again and again: each difference to what is booked is a row, once.

CREATE TABLE IF NOT EXISTS shop_fee (
  id          BIGINT       NOT NULL PRIMARY KEY,      -- the cause in the ledger
  order_id    BIGINT       NOT NULL REFERENCES shop_order (id),
  n           BIGINT       NOT NULL,          -- of the order: 0, 1, ...
  minor       BIGINT       NOT NULL,          -- of the order's currency; below 0: given back
  at_ms       BIGINT       NOT NULL,
  UNIQUE (order_id, n),                       -- two who hear the same do not both book it
  CHECK (minor <> 0)
);
