-- What grows with every change, and is read for one change (deployments and log) or for one router at each poll and step of its queue.

-- +goose Up
CREATE INDEX deployment_change_index ON deployment (change_id);
CREATE INDEX deployment_router_index ON deployment (router_id);
CREATE INDEX change_log_change_index ON change_log (change_id) WHERE change_id IS NOT NULL;

-- +goose Down
DROP INDEX change_log_change_index, deployment_router_index, deployment_change_index;
