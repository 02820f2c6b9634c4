#!/bin/sh
# Runs a command beside a PostgreSQL of its own in $SCRATCH, with fsync on, as a child of this process: its CPU time
# counts with the server's.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
if [ ! -d "$SCRATCH/postgres" ]; then
  mkdir "$SCRATCH/postgres"
  [ "$(id -u)" != 0 ] || chown postgres "$SCRATCH/postgres"
  chmod o+x "$SCRATCH"
  as_postgres "$bin/initdb" --pgdata "$SCRATCH/postgres/data" --username gatepass --auth trust --no-sync >/dev/null
fi
as_postgres "$bin/postgres" -D "$SCRATCH/postgres/data" -p 18082 -k "$SCRATCH/postgres" -c listen_addresses=127.0.0.1 -c max_connections=100 >"$SCRATCH/postgres.log" 2>&1 &
until "$bin/pg_isready" -q -U gatepass -h 127.0.0.1 -p 18082; do sleep 0.05; done
export DATABASE_URL=postgres://gatepass@127.0.0.1:18082/postgres
status=0
"$@" &
server=$!
trap 'kill -TERM $server 2>/dev/null || true' TERM INT
while kill -0 $server 2>/dev/null; do
  wait $server && status=0 || status=$?
done
as_postgres "$bin/pg_ctl" stop --silent --mode fast --pgdata "$SCRATCH/postgres/data"
exit $status
