#!/bin/sh
# Sets up a Gatepass with one user and one client in $SCRATCH, and runs it: `gatepass.sh prepare|serve ALGORITHM`.
# DATABASE_URL chooses a PostgreSQL; TEST_BINARY the program.
set -eu
program=$(realpath "${TEST_BINARY:-../../../target/release/gatepass}")
cd "$SCRATCH"
export GATEPASS_SIGN_IN__ADDRESS_ATTEMPTS=100000 GATEPASS_SIGN_IN__ACCOUNT_ATTEMPTS=1000 GATEPASS_LOG__LEVEL=warn
[ -z "${DATABASE_URL:-}" ] || export GATEPASS_DATABASE__URL="$DATABASE_URL"
case $1 in
prepare)
  "$program" migrate up --data-dir data
  echo a-password-of-the-load-driver | "$program" user add load --password-stdin --data-dir data
  printf a-secret-of-the-load-driver-0123456789 | "$program" client add --data-dir data --id load --secret-stdin --name Load \
    --redirect-uri https://app.example/callback --id-token-alg "$2" --scope 'openid profile email offline_access' \
    --grant-type authorization_code --grant-type refresh_token --grant-type client_credentials
  # APIs that follow the revocation feed, and an app whose tokens are for them.
  for api in orders stock prices; do
    printf a-secret-of-the-load-driver-0123456789 | "$program" client add --data-dir data --id $api --secret-stdin --name "$api" \
      --grant-type client_credentials --resource "https://$api.example"
  done
  printf a-secret-of-the-load-driver-0123456789 | "$program" client add --data-dir data --id shop --secret-stdin --name Shop \
    --redirect-uri https://app.example/callback --scope 'openid profile email offline_access' \
    --audience https://orders.example --audience https://stock.example --audience https://prices.example
  ;;
serve)
  exec "$program" serve --dev --data-dir data --listen 127.0.0.1:18081 --management-listen 127.0.0.1:0
  ;;
esac
