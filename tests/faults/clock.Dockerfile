# One of the project's images with a clock that a file sets: `+3600` in /tmp/clock is an hour ahead. The monotonic clock
# stays true, as when a machine's time is set.
ARG IMAGE
FROM ${IMAGE}
USER root
RUN apt-get update && apt-get install -y --no-install-recommends libfaketime && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/local/lib/clock.so
USER 10001:10001
ENV LD_PRELOAD=/usr/local/lib/clock.so FAKETIME_TIMESTAMP_FILE=/tmp/clock FAKETIME_NO_CACHE=1 \
    DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1
