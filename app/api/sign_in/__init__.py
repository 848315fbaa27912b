"""Who is asking: tokens and the keys behind them, or headers in the development mode."""
