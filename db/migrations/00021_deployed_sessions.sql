-- Sessions as they were last deployed: whoever edits or deletes a record makes nothing less protected on the router.

-- +goose Up
CREATE TABLE deployed_session (
    router_id     bigint NOT NULL CONSTRAINT deployed_session_router REFERENCES router ON DELETE CASCADE,
    vrf           text NOT NULL,
    neighbor      inet NOT NULL,
    peer_asn      bigint NOT NULL,
    protected     text NOT NULL, -- why no change may touch it unless its kind allows it; '' when any may
    deployment_id bigint NOT NULL CONSTRAINT deployed_session_deployment REFERENCES deployment,
    PRIMARY KEY (router_id, vrf, neighbor)
);

-- +goose Down
DROP TABLE deployed_session;
