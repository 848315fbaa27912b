"""Clients of the driver under test: `MONGODB_DRIVER=pymongo`, which servers inherit, or Motor."""

import os
from functools import partial

from app.storage import client

DRIVER = os.environ.get("MONGODB_DRIVER", "motor")

connect = partial(client.connect, driver=DRIVER)
connect_for_streams = partial(client.connect_for_streams, driver=DRIVER)
