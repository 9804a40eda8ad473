"""The room that watches the clock: fixed sweeps which ask the tables what is due."""
