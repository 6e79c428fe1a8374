-- 0014_task.sql. Why: who does not like any of the pictures is given others, once, and then the money: so a task must say which one it is made again from,
-- and draw by other seeds.

ALTER TABLE task ADD COLUMN again_of BIGINT NOT NULL DEFAULT 0;      -- the task whose inputs these are; 0 = none
ALTER TABLE task ADD COLUMN round SMALLINT NOT NULL DEFAULT 0;       -- how many were made of these inputs before
CREATE INDEX IF NOT EXISTS task_again ON task (again_of);
