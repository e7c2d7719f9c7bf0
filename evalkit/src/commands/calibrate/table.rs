//! Placed models in a table.

use comfy_table::{Table, presets};
use trainer::ability::judge::Figure;
use trainer::ability::newcomer::Newcomer;

pub(super) fn table(placed: &[Newcomer]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "model",
        "outcomes",
        "mean score",
        "ability ± error",
        "slope ± error",
        "calibration error, 95 %",
        "by chance",
        "Brier, 95 %",
        "constant's",
        "skill, 95 %",
    ]);
    for it in placed {
        let (model, right) = (&it.model, &it.right);
        table.add_row([
            model.name.clone(),
            model.n.to_string(),
            format!("{:.3}", it.mean_score),
            format!("{:.2} ± {:.2}", model.theta, model.theta_error),
            format!("{:.2} ± {:.2}", model.slope, model.slope_error),
            shown(&right.ece),
            format!("{:.3}", right.ece_by_chance),
            shown(&right.brier),
            format!("{:.3}", right.brier_constant),
            shown(&right.skill),
        ]);
    }
    table
}

fn shown(figure: &Figure) -> String {
    format!("{:.3} ({:.3} to {:.3})", figure.value, figure.low, figure.high)
}
