#!/usr/bin/env python3
"""pong.py behind a framework: FastAPI on uvicorn, with the loop that uvicorn chooses.

    fastapi_pong.py PORT
"""

import sys
from typing import Dict

import fastapi
import uvicorn

app = fastapi.FastAPI()


@app.get("/")
async def pong() -> Dict[str, str]:
    return {"answer": "pong"}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
