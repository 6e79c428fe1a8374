-- 0015_member.sql. Why: a membership renews itself at its provider, so money comes that nobody ordered here. Each paid period becomes an order of
-- its own, once, however often and in whatever order it is told; and what somebody wants changed is a row before the provider hears of it.

CREATE TABLE IF NOT EXISTS shop_member (
  id              BIGINT       NOT NULL PRIMARY KEY REFERENCES shop_order (id),      -- the first order; as text of an order, its number at the provider
  account_id      BIGINT       NOT NULL,
  product         VARCHAR(32)  NOT NULL,
  plan            VARCHAR(32)  NOT NULL,          -- of the newest paid period
  price_minor     BIGINT       NOT NULL,          -- a month's, as it was agreed then: plans may change, this does not
  credits         BIGINT       NOT NULL,          -- a month's
  next_plan       VARCHAR(32)  NOT NULL,          -- what the next period is to be, and what is to come for it
  next_minor      BIGINT       NOT NULL,
  next_credits    BIGINT       NOT NULL,
  currency        CHAR(3)      NOT NULL,          -- ISO 4217
  provider        VARCHAR(16)  NOT NULL,
  provider_ref    VARCHAR(255) NOT NULL,          -- what the provider calls the membership
  item_ref        VARCHAR(255) NOT NULL,          -- what a change of the price needs back
  product_ref     VARCHAR(255) NOT NULL,
  state           VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_member_state
  ends            SMALLINT     NOT NULL,          -- 1: it will not be renewed
  period_end_ms   BIGINT       NOT NULL,          -- paid until then
  next_ms         BIGINT       NOT NULL,          -- the provider's own period ends then
  grace_until_ms  BIGINT       NOT NULL,          -- a renewal is being tried: what one may do goes on until then; 0 = none is
  change_id       BIGINT       NOT NULL,          -- the one that is under way; 0 = none is
  asks            BIGINT       NOT NULL,          -- how often the provider was asked without anything new
  ask_ms          BIGINT       NOT NULL,          -- when it is asked next; 0 = never
  created_ms      BIGINT       NOT NULL,
  ended_ms        BIGINT       NOT NULL,          -- 0 = it has not
  UNIQUE (provider, provider_ref),
  CHECK (price_minor > 0),
  CHECK (next_minor > 0)
);
CREATE INDEX IF NOT EXISTS shop_member_of ON shop_member (account_id, id);                -- somebody's list
CREATE INDEX IF NOT EXISTS shop_member_ask ON shop_member (ask_ms);                       -- what the cashier asks next

CREATE TABLE IF NOT EXISTS shop_period (
  order_id        BIGINT       NOT NULL PRIMARY KEY REFERENCES shop_order (id),
  member_id       BIGINT       NOT NULL REFERENCES shop_member (id),
  provider        VARCHAR(16)  NOT NULL,
  invoice_ref     VARCHAR(255) NOT NULL,          -- what the provider calls this one payment
  start_ms        BIGINT       NOT NULL,
  end_ms          BIGINT       NOT NULL,
  whole           SMALLINT     NOT NULL,          -- 1: a period; 0: the difference of an upgrade within one, or a payment that is in trouble
  UNIQUE (provider, invoice_ref)                  -- the same payment is never two orders
);
CREATE INDEX IF NOT EXISTS shop_period_of ON shop_period (member_id, end_ms);

CREATE TABLE IF NOT EXISTS shop_change (
  id              BIGINT       NOT NULL PRIMARY KEY,      -- as text its number at the provider
  member_id       BIGINT       NOT NULL REFERENCES shop_member (id),
  what            VARCHAR(16)  NOT NULL,          -- pay.h, enum pay_change
  plan            VARCHAR(32)  NOT NULL,          -- price: the new plan and what it costs and brings; else '' and 0
  price_minor     BIGINT       NOT NULL,
  credits         BIGINT       NOT NULL,
  old_minor       BIGINT       NOT NULL,          -- price: what it was before
  old_credits     BIGINT       NOT NULL,
  charge_now      SMALLINT     NOT NULL,          -- 1: the difference is paid at once
  item_ref        VARCHAR(255) NOT NULL,          -- kept with the change: the same call must be the same bytes
  product_ref     VARCHAR(255) NOT NULL,
  order_id        BIGINT       NOT NULL,          -- what the difference became; 0 = nothing yet
  by_account      BIGINT       NOT NULL,
  state           VARCHAR(16)  NOT NULL,          -- pending, done, failed; dropped: the operator ended the membership meanwhile
  detail          VARCHAR(400) NOT NULL,          -- why it did not work
  asks            BIGINT       NOT NULL,
  ask_ms          BIGINT       NOT NULL,          -- when the cashier calls next; 0 = never
  created_ms      BIGINT       NOT NULL,
  done_ms         BIGINT       NOT NULL           -- 0 = not over
);
CREATE INDEX IF NOT EXISTS shop_change_of ON shop_change (member_id, id);
CREATE INDEX IF NOT EXISTS shop_change_ask ON shop_change (ask_ms);
