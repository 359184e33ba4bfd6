//! The menu of sort columns, over the table.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    widgets::{Block, Clear, Widget as _},
};

use crate::widget::grid::put;
use zc_render::theme::Theme;

/// Draws the menu of these titles and explanations, of which the one at `entry` is selected.
pub fn draw(titles: &[(&str, &str)], entry: usize, theme: Theme, body: Rect, buf: &mut Buffer) {
    let widest = titles.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
    let longest = titles.iter().map(|(_, help)| help.len()).max().unwrap_or(0);
    let width = u16::try_from(widest + longest + 5).unwrap_or(u16::MAX).min(body.width);
    let height = u16::try_from(titles.len() + 2).unwrap_or(u16::MAX).min(body.height);
    let area = Rect::new(
        body.x + (body.width - width) / 2,
        body.y + (body.height - height) / 2,
        width,
        height,
    );
    Clear.render(area, buf);
    let block = Block::bordered().border_set(theme.symbols.border).title(" Sort by ");
    let inner = block.inner(area);
    block.render(area, buf);
    let visible = usize::from(inner.height);
    let first = (entry + 1).saturating_sub(visible);
    let rows = titles.iter().enumerate().skip(first).take(visible);
    for ((index, (title, help)), y) in rows.zip(inner.top()..) {
        let line = Rect::new(inner.x, y, inner.width, 1);
        let title_width = u16::try_from(widest).unwrap_or(u16::MAX).min(inner.width);
        put(title, false, theme.strong(), Rect { width: title_width, ..line }, theme, buf);
        let used = title_width + 2;
        if used < line.width {
            let rest = Rect { x: line.x + used, width: line.width - used, ..line };
            put(help, false, theme.dim(), rest, theme, buf);
        }
        if index == entry {
            buf.set_style(line, theme.selected());
        }
    }
}
