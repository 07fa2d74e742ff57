"""Customers computed anew after the figures behind them were corrected, some at a time."""
