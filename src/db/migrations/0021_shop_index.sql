-- 0021_shop_index.sql. Why: how many orders are in trouble is asked every few seconds (/metrics, the keeper), and read all orders there ever were; so
-- did the operator's list of them. And each provider has a cashier of its own, who looks for what is due there.

CREATE INDEX IF NOT EXISTS shop_trouble_open ON shop_trouble (over_ms, order_id);         -- counted, and listed for the operator
CREATE INDEX IF NOT EXISTS shop_order_provider ON shop_order (provider, state, ask_ms);   -- what one cashier asks next
CREATE INDEX IF NOT EXISTS shop_member_provider ON shop_member (provider, ask_ms);        -- the same
