-- 0008_task.sql. Why: at the end of a task its photos are looked for in the account's other open tasks. Found by photo, that read every task
-- that was ever made of it: a fifth of all work of the database after six thousand tasks.

CREATE INDEX IF NOT EXISTS task_account_state ON task (account_id, state);
