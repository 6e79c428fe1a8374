-- 0010_accounts.sql. Why: a person is told whether the work of the guest they were has come along, or still waits.

ALTER TABLE account_move ADD COLUMN moved_ms BIGINT NOT NULL DEFAULT 0;        -- when the work last went along; 0 = it still waits
CREATE INDEX IF NOT EXISTS account_move_to ON account_move (to_id);
