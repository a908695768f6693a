"""What the window shows, as plain arrays: no window, no display and no graphics library is needed here."""
