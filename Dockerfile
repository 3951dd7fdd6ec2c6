# The app: Telegram, check-ins, escalation. Rasa has an image of its own (nlu/Dockerfile): two Pythons, two locks.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 coach
WORKDIR /coach
COPY requirements.lock pyproject.toml ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY bot bot
COPY data data
COPY dialogues dialogues
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && mkdir var && chown coach var
USER coach
ENV COACH_HOST=0.0.0.0 COACH_PORT=8400 COACH_CONSOLE_HOST=0.0.0.0 COACH_CONSOLE_PORT=8410 PYTHONUNBUFFERED=1
EXPOSE 8400 8410
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8400/health', timeout=2)"]
CMD ["coach", "run"]
