#!/bin/sh
# Starts Rasa in its container. Secrets come as files; Rasa itself reads only the environment.
set -eu
secret() { cat "/run/secrets/$1"; }
COACH_RASA_TOKEN=$(secret rasa_token)
COACH_ACTION_TOKEN=$(secret action_token)
COACH_REDIS_PASSWORD=$(secret redis_password)
COACH_TRACKER_URL="postgresql://rasa:$(secret rasa_database_password)@postgres/rasa"
export COACH_RASA_TOKEN COACH_ACTION_TOKEN COACH_REDIS_PASSWORD COACH_TRACKER_URL
model=$(python -m nlu.train --dialogues dialogues --models models --name)
exec python -m rasa run --quiet -i 0.0.0.0 -p 5005 --model "$model" \
  --credentials nlu/credentials.yml --endpoints nlu/endpoints.production.yml
