#!/bin/sh
# Runs three nodes on the database of DATABASE_URL behind HAProxy on 127.0.0.1:18081, without stickiness.
set -eu
program=$(realpath "${TEST_BINARY:-../../../target/release/gatepass}")
cd "$SCRATCH"
export GATEPASS_DATABASE__URL="$DATABASE_URL" GATEPASS_ISSUER__URL=http://127.0.0.1:18081 GATEPASS_SERVER__TRUSTED_PROXIES=127.0.0.1/32
export GATEPASS_SIGN_IN__ADDRESS_ATTEMPTS=100000 GATEPASS_SIGN_IN__ACCOUNT_ATTEMPTS=1000 GATEPASS_LOG__LEVEL=warn
{
  printf 'defaults\n mode http\n timeout connect 2s\n timeout client 60s\n timeout server 60s\n option forwardfor\n option http-no-delay\n retries 3\n option redispatch\n'
  printf 'frontend issuer\n bind 127.0.0.1:18081\n default_backend nodes\nbackend nodes\n balance roundrobin\n option httpchk GET /health/ready\n'
} >haproxy.cfg
processes=
for node in 1 2 3; do
  "$program" serve --dev --data-dir data --listen 127.0.0.1:1809$node --management-listen 127.0.0.1:1819$node &
  processes="$processes $!"
  echo " server node-$node 127.0.0.1:1809$node check port 1819$node inter 1s" >>haproxy.cfg
done
haproxy -db -f haproxy.cfg &
processes="$processes $!"
trap 'kill -TERM $processes 2>/dev/null || true' TERM INT
for process in $processes; do
  while kill -0 "$process" 2>/dev/null; do wait "$process" || true; done
done
