-- What is watched behind a cut passes to the meter that takes the place of another one.
GRANT UPDATE (meter_id, register_wh, over_since) ON supply_watch TO joulebook_api;
